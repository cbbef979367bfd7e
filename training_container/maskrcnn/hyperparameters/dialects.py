"""The names of all systems that users come from."""

from __future__ import annotations

from maskrcnn.hyperparameters.casting import CASTING
from maskrcnn.hyperparameters.others import OBJECT_DETECTION, SPOT
from maskrcnn.hyperparameters.sagemaker import SAGEMAKER_EXAMPLES
from maskrcnn.hyperparameters.tensorpack import TENSORPACK

SYSTEMS = {
    "tensorpack and aws-samples/mask-rcnn-tensorflow": TENSORPACK,
    "amazon-sagemaker-examples (distributed Mask R-CNN)": SAGEMAKER_EXAMPLES,
    "Mask R-CNN for castings, matterport/Mask_RCNN": CASTING,
    "TF Object Detection API on SageMaker": OBJECT_DETECTION,
    "SageMaker spot training": SPOT,
}
OWN_IN_OTHERS = {
    "amazon-sagemaker-examples (distributed Mask R-CNN)": (
        "mode_fpn", "mode_mask", "eval_period", "lr_schedule", "lr_epoch_schedule", "batch_size_per_gpu", "batch_norm",
        "images_per_epoch", "backbone_weights", "load_model"),
    "TF Object Detection API on SageMaker": ("image_size", "quantize"),
    "SageMaker spot training": ("epochs", "momentum", "optimizer"),
}
"""Own names that mean the same there."""
FOREIGN = {name.name: name for names in SYSTEMS.values() for name in names}
