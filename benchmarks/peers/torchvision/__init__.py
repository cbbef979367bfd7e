"""torchvision, maskrcnn_resnet50_fpn."""
