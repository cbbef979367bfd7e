"""How many labelled objects a trained model still finds with fewer proposals and fewer detections."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model import precision
from maskrcnn.model.config import ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.ops import boxes as box_ops
from maskrcnn.training import augment, examples, records
from maskrcnn.training.examples import Example
from maskrcnn.weights import own

FOUND_IOU = 0.5


@dataclasses.dataclass(frozen=True)
class Recall:
    """Shares of all labelled objects, 0 to 1."""

    proposals: int
    """Most proposals an image."""
    proposed: float
    """Objects that a proposal overlaps with IoU 0.5."""
    found: float
    """Detections an image over the score threshold, mean."""
    detected: dict[int, float]
    """By the most detections an image: objects that a detection of their class overlaps with IoU 0.5."""


def measure(model_dir: Path, shards: Path, proposals: Sequence[int], detections: Sequence[int]) -> list[Recall]:
    """Run a model over all images of a prepared data set's held-out splits (val and test).

    Args:
        model_dir: Artifact of a training: weights and card.
        shards: Prepared data set.
        proposals: Numbers to try.
        detections: Numbers to try, each over the score threshold of the model.
    """
    card = ModelCard.read(model_dir)
    config = hyperparameters.resolve(card.hyperparameters).settings.model
    found = [record for split in ("val", "test") for record in records.scan(shards / split)]
    size = config.input
    images = [augment.resized(examples.parse(tf.constant(record.read())), size.short_edge_px, size.max_size_px)
              for record in found]
    return [_one(_with(config, count, max(detections)), card, model_dir, images, detections) for count in proposals]


def _with(config: ModelConfig, proposals: int, detections: int) -> ModelConfig:
    """As many candidates as the reference has, so that only what is kept changes."""
    return dataclasses.replace(
        config, rpn=dataclasses.replace(config.rpn, candidates=1000, proposals=proposals),
        box=dataclasses.replace(config.box, detections=detections))


def _one(config: ModelConfig, card: ModelCard, model_dir: Path, images: Sequence[Example],
         detections: Sequence[int]) -> Recall:
    model = MaskRCNN(config, len(card.classes), precision.choose("auto")[0])
    own.load(model, model_dir / own.FILE_NAME)

    @tf.function(autograph=False, reduce_retracing=True)
    def run(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        size = tf.shape(image)[:2]
        levels = model.pyramid(image[None], size[None])
        proposed, _ = model.propose([model.rpn(level) for level in levels], model.anchors(levels), 0, size)
        raw = model.detect(image)
        return proposed, raw.boxes, raw.class_ids

    objects = sum(len(example.class_ids) for example in images)
    proposed, total, detected = 0, 0, dict.fromkeys(detections, 0)
    for example in images:
        boxes, found, class_ids = run(example.image)
        proposed += _covered(example.boxes, box_ops.iou(example.boxes, boxes))
        overlap = box_ops.iou(example.boxes, found) * tf.cast(example.class_ids[:, None] == class_ids, tf.float32)
        total += len(found)
        for count in detections:
            detected[count] += _covered(example.boxes, overlap[:, :count])
    return Recall(config.rpn.proposals, proposed / objects, total / len(images),
                  {count: hits / objects for count, hits in detected.items()})


def _covered(objects: tf.Tensor, overlap: tf.Tensor) -> int:
    """Objects [G] that one of the columns of [G, N] overlaps well enough."""
    if not len(objects) or not overlap.shape[1]:
        return 0
    return int(np.count_nonzero(overlap.numpy().max(1) >= FOUND_IOU))
