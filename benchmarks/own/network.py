"""Our network as the benchmarks ask for it, and the scenes as its batches."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.config import ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.ops import roi_align
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import MASK_CROP, Example

from benchmarks import scenes


def settings(spec: dict[str, Any]) -> Settings:
    """The preset with the hyperparameters of the specification laid over it."""
    given = {name: str(value) for name, value in spec.get("hyperparameters", {}).items()}
    return hyperparameters.resolve({"preset": "r50", "image_size": str(spec["size"])} | given).settings


def network(config: ModelConfig, spec: dict[str, Any]) -> MaskRCNN:
    """Random weights; a last scale of 0.2 in each block keeps them finite where the statistics are fixed."""
    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
    tf.random.set_seed(0)
    model = MaskRCNN(config, scenes.CLASSES, tf.as_dtype(spec["dtype"]))
    for name, variable in model.named_variables().items():
        if name.endswith("conv3/bn/gamma"):
            variable.assign(tf.fill(variable.shape, 0.2))
    return model


def batch(size: int, count: int) -> Example:
    """The first scenes as one batch."""
    drawn = [scenes.make(size, seed) for seed in range(count)]
    crops = [roi_align.crop(tf.constant(scene.masks, tf.float32)[..., None], tf.constant(scene.boxes),
                            tf.range(scenes.OBJECTS), MASK_CROP)[..., 0] for scene in drawn]
    return Example(
        image=tf.stack([scene.image for scene in drawn]),
        size=tf.fill([count, 2], size),
        boxes=tf.stack([scene.boxes for scene in drawn]),
        class_ids=tf.stack([scene.class_ids for scene in drawn]),
        masks=tf.cast(tf.round(tf.stack(crops) * 255.0), tf.uint8),
        has_mask=tf.fill([count, scenes.OBJECTS], True),
        name=tf.fill([count], "scene"))


def with_detections(config: ModelConfig, count: int) -> ModelConfig:
    """Keep so many detections; random weights always find more."""
    return dataclasses.replace(config, box=dataclasses.replace(config.box, detections=count))
