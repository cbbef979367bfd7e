"""Names of the object-detection container (TF Object Detection API) and of the spot training sample."""

from __future__ import annotations

from maskrcnn.hyperparameters.casting import rate_of_a_step
from maskrcnn.hyperparameters.dialect import Foreign, choice, fixed, same, translated, whole

OBJECT_DETECTION: tuple[Foreign, ...] = (
    translated("num_steps", "`total_images`: so many times the images of a step", ("total_images",),
               lambda text, batch: {"total_images": str(whole(text, 1) * batch)}),
    choice("inference_type", "quantize", {"FLOAT": "False", "QUANTIZED_UINT8": "True"}),
)

SPOT: tuple[Foreign, ...] = (
    translated("learning-rate", "`base_lr` with `lr_reference_batch` 0", ("base_lr", "lr_reference_batch"),
               rate_of_a_step),
    same("batch-size", "batch_size_per_gpu"),
    same("weight-decay", "weight_decay"),
    fixed("model-type", ("resnet",), "the backbone is a ResNet; resnet_arch says which"),
)
