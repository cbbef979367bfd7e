"""Names of amazon-sagemaker-examples' wrapper around tensorpack; most of them are the product's own."""

from __future__ import annotations

from maskrcnn.hyperparameters.dialect import Foreign, choice, idle

ARCHITECTURES = {"resnet50": "[3, 4, 6, 3]", "resnet101": "[3, 4, 23, 3]"}

SAGEMAKER_EXAMPLES: tuple[Foreign, ...] = (
    choice("resnet_arch", "resnet_blocks", ARCHITECTURES),
    idle("data_train", "the job's channel train holds the data"),
    idle("data_val", "the job's channel val holds the data"),
)
