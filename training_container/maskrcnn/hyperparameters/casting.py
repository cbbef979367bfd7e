"""Names of the casting repository and of matterport's Mask_RCNN, whose Config fields it passes on."""

from __future__ import annotations

from maskrcnn.hyperparameters import values
from maskrcnn.hyperparameters.dialect import (
    Foreign,
    choice,
    fixed,
    idle,
    numbers,
    refused,
    same,
    translated,
    whole,
)
from maskrcnn.hyperparameters.sagemaker import ARCHITECTURES
from maskrcnn.hyperparameters.tensorpack import class_names, images_per_epoch


def rate_of_a_step(text: str, batch: int) -> dict[str, str]:
    """A learning rate that does not follow the batch."""
    return {"base_lr": text, "lr_reference_batch": "0"}


def _loss_weights(text: str, batch: int) -> dict[str, str]:
    literal = values.plain(text)
    if not isinstance(literal, dict):
        raise ValueError('must be an object such as {"rpn_class_loss": 0.8}')
    return {"loss_weights": str({f"{str(key).removesuffix('_loss')}_loss": item for key, item in literal.items()})}


AUGMENTATIONS = (
    {"flip_horizontal": "True", "flip_vertical": "True", "rotation_degrees": "30", "shear_degrees": "5",
     "zoom": "0.1", "shift": "0.15", "brightness": "0.1", "gamma": "0.6", "noise": "0.02", "cutout": "0"},
    {"flip_horizontal": "True", "flip_vertical": "True", "rotation_degrees": "30", "shear_degrees": "5",
     "zoom": "0.1", "shift": "0.15", "brightness": "0.2", "gamma": "0.6", "noise": "0.06", "cutout": "5"},
    {"flip_horizontal": "True", "flip_vertical": "True", "rotation_degrees": "30", "shear_degrees": "5",
     "zoom": "0.1", "shift": "0.15", "brightness": "0.4", "gamma": "1.0", "noise": "0.08", "cutout": "10"},
)
"""AUG_PREST 0 to 2: the ranges of that repository's geometry, and its light, mixed and heavy changes of the pixels."""


def _augmentations(text: str, batch: int) -> dict[str, str]:
    if text not in ("0", "1", "2"):
        raise ValueError("must be 0, 1 or 2")
    return dict(AUGMENTATIONS[int(text)])


def _settings(values_: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values_.items())


def _inverted(target: str, text: str, count: int = 0) -> dict[str, str]:
    found = numbers(text, count)
    if any(number <= 0 for number in found):
        raise ValueError("must be above 0")
    return {target: str([1.0 / number for number in found])}


def _pre_nms(text: str, batch: int) -> dict[str, str]:
    return {"proposal_mode": "Joint", "joint_train_candidates": text, "joint_candidates": text}


_CASTING = (
    idle("NAME", "the pipeline names runs and models"),
    same("GPU_COUNT", "gpus", note="a step is of IMAGES_PER_GPU images on each of them"),
    same("IMAGES_PER_GPU", "batch_size_per_gpu"),
    same("TRAIN_SEQ", "stages"),
    translated("AUG_PREST", "; ".join(f"{number}: {_settings(of)}" for number, of in enumerate(AUGMENTATIONS)),
               tuple(AUGMENTATIONS[0]), _augmentations),
    translated("LOSS_WEIGHTS", "`loss_weights`; names with or without _loss", ("loss_weights",), _loss_weights),
    translated("CLASS_NAMES", "`class_names`; a list, or numbers with names", ("class_names",), class_names),
    refused("TRAINING_SPLIT", "the split belongs to the data set, where it stays the same from version to version: "
            "set data.test_share and data.val_share of the deployment"),
)
_IMAGES = (
    choice("BACKBONE", "resnet_blocks", ARCHITECTURES),
    fixed("COMPUTE_BACKBONE_SHAPE", (None,), "the backbone is a ResNet"),
    fixed("BACKBONE_STRIDES", ((4, 8, 16, 32, 64),), "the strides of p2 to p6"),
    fixed("USE_MINI_MASK", (True,), "masks are kept as crops of their boxes"),
    fixed("MINI_MASK_SHAPE", ((56, 56),), "the crops have this size"),
    fixed("IMAGE_RESIZE_MODE", ("square",), "images keep their shape; padding changes nothing"),
    same("IMAGE_MIN_DIM", "image_size"),
    same("IMAGE_MAX_DIM", "max_size"),
    fixed("IMAGE_MIN_SCALE", (0,), "image_size decides"),
    fixed("IMAGE_CHANNEL_COUNT", (3,), "grey images are read as RGB"),
    translated("MEAN_PIXEL", "`pixel_mean`, and `pixel_std` becomes 1", ("pixel_mean", "pixel_std"),
               lambda text, batch: {"pixel_mean": text, "pixel_std": "[1, 1, 1]"}),
    refused("IMAGE_SHAPE", "it follows from IMAGE_MIN_DIM and IMAGE_MAX_DIM"),
    refused("IMAGE_META_SIZE", "it follows from the classes"),
)
_REGIONS = (
    same("FPN_CLASSIF_FC_LAYERS_SIZE", "box_channels"),
    same("TOP_DOWN_PYRAMID_SIZE", "fpn_channels"),
    same("RPN_ANCHOR_SCALES", "anchor_sizes"),
    translated("RPN_ANCHOR_RATIOS", "`anchor_ratios`, inverted: width over height there", ("anchor_ratios",),
               lambda text, batch: _inverted("anchor_ratios", text)),
    fixed("RPN_ANCHOR_STRIDE", (1,), "anchors stand on every feature pixel"),
    same("RPN_NMS_THRESHOLD", "rpn_nms_iou"),
    same("RPN_TRAIN_ANCHORS_PER_IMAGE", "rpn_samples"),
    translated("PRE_NMS_LIMIT", "`proposal_mode` Joint with `joint_train_candidates` and `joint_candidates`",
               ("proposal_mode", "joint_train_candidates", "joint_candidates"), _pre_nms),
    same("POST_NMS_ROIS_TRAINING", "train_proposals", "joint_train_proposals"),
    same("POST_NMS_ROIS_INFERENCE", "proposals", "joint_proposals"),
    same("TRAIN_ROIS_PER_IMAGE", "box_samples"),
    same("ROI_POSITIVE_RATIO", "box_positive_share"),
    same("POOL_SIZE", "box_pool_size"),
    same("MASK_POOL_SIZE", "mask_pool_size"),
    fixed("MASK_SHAPE", ((28, 28),), "twice MASK_POOL_SIZE, which decides"),
    idle("MAX_GT_INSTANCES", "an image may hold any number of objects"),
    refused("RPN_BBOX_STD_DEV", "the RPN learns deltas without a scale"),
    translated("BBOX_STD_DEV", "`box_regression_weights`, inverted", ("box_regression_weights",),
               lambda text, batch: _inverted("box_regression_weights", text, 4)),
    same("DETECTION_MAX_INSTANCES", "detections"),
    same("DETECTION_MIN_CONFIDENCE", "score_threshold"),
    same("DETECTION_NMS_THRESHOLD", "nms_iou"),
    fixed("USE_RPN_ROIS", (True,), "the heads learn on the RPN's proposals"),
)
_COURSE = (
    translated("STEPS_PER_EPOCH", "`images_per_epoch`: so many times the images of a step", ("images_per_epoch",),
               images_per_epoch),
    idle("VALIDATION_STEPS", "every validation image is evaluated"),
    translated("NUM_CLASSES", "`class_count` with the background", ("class_count",),
               lambda text, batch: {"class_count": str(whole(text, 2) - 1)}),
    translated("LEARNING_RATE", "`base_lr` with `lr_reference_batch` 0", ("base_lr", "lr_reference_batch"),
               rate_of_a_step),
    same("LEARNING_MOMENTUM", "momentum"),
    refused("WEIGHT_DECAY", "it is divided by the size of each kernel there: set weight_decay"),
    translated("GRADIENT_CLIP_NORM", "`gradient_clip`, of all gradients together", ("gradient_clip",),
               lambda text, batch: {"gradient_clip": text}),
    choice("TRAIN_BN", "batch_norm", {"False": "FreezeBN", "None": "SyncBN"}),
    refused("BATCH_SIZE", "it follows from IMAGES_PER_GPU"),
)

CASTING: tuple[Foreign, ...] = (*_CASTING, *_IMAGES, *_REGIONS, *_COURSE)
