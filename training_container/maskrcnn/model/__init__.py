"""The network: one part a file, put together in mask_rcnn."""
