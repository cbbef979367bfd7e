"""Large images in overlapping tiles: where the tiles lie, what the network finds in each, and one answer from all."""
