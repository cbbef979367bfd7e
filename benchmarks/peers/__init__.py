"""Other Mask R-CNNs, each run in an environment of its own."""
