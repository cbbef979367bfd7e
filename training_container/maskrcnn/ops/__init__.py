"""Pure tensor functions of Mask R-CNN: no variables, no configuration objects, no I/O."""
