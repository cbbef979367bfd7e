"""Which boxes the heads learn from: sampled proposals, and for a cascade the boxes of the stage before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.model.config import BoxHeadConfig
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import sampling
from maskrcnn.training.examples import IGNORED, Example


class Samples(NamedTuple):
    """Boxes of the whole batch, image after image."""

    boxes: tf.Tensor
    """[R, 4]"""
    images: tf.Tensor
    """[R] int32"""
    class_ids: tf.Tensor
    """[R] int32, 0 background."""
    objects: tf.Tensor
    """[R] int32: index of the matched object within its image."""

    def foreground(self) -> Samples:
        """Those that are objects."""
        return Samples(*(tf.boolean_mask(part, self.class_ids > 0) for part in self))

    def pairs(self) -> tf.Tensor:
        """[R, 2] image and object, to gather from what a batch holds for each object."""
        return tf.stack([self.images, self.objects], 1)


def objects_of(batch: Example, image: int) -> tf.Tensor:
    """Boxes [G, 4] of one image without crowds and padding, which always come after them."""
    return tf.boolean_mask(batch.boxes[image], batch.class_ids[image] > 0)


def crowds_of(batch: Example, image: int) -> tf.Tensor:
    """Boxes [K, 4] of the crowds of one image; none unless the pipeline was asked to keep them."""
    return tf.boolean_mask(batch.boxes[image], (batch.class_ids[image] < 0) & (batch.class_ids[image] != IGNORED))


def ignored_of(batch: Example, image: int) -> tf.Tensor:
    """Boxes [K, 4] of one image that are neither objects nor background."""
    return tf.boolean_mask(batch.boxes[image], batch.class_ids[image] == IGNORED)


def choose(config: BoxHeadConfig, proposals: Sequence[tf.Tensor], batch: Example, seed: tf.Tensor) -> Samples:
    """Add the labelled boxes to the proposals [K, 4] of each image, and choose foreground and background.

    The foreground comes first in each image.
    """
    chosen, first = [], replicas.first_row(len(proposals))
    for image, found in enumerate(proposals):
        objects = objects_of(batch, image)
        boxes = tf.concat([found, objects], 0)
        labelled = sampling.label_proposals(boxes, objects, config.positive_iou)
        labels = sampling.spare(labelled.labels, boxes, ignored_of(batch, image))
        positive, negative = sampling.choose(labels, config.samples, config.positive_share,
                                             tf.random.experimental.stateless_fold_in(seed, -1 - (first + image)))
        indices = tf.concat([positive, negative], 0)
        of_image = sampling.AnchorLabels(*(tf.gather(part, indices) for part in labelled))
        chosen.append(_samples(tf.gather(boxes, indices), image, of_image, batch))
    return _joined(chosen)


def rematch(boxes: tf.Tensor, images: tf.Tensor, batch: Example, positive_iou: float) -> Samples:
    """Label boxes [R, 4] anew, as a cascade's next stage sees them; empty and ignored boxes are left out."""
    full = box_ops.area(boxes) > 0.0
    matched = []
    for image in range(batch.image.shape[0]):
        of_image = tf.boolean_mask(boxes, full & (images == image))
        labelled = sampling.label_proposals(of_image, objects_of(batch, image), positive_iou)
        asked = sampling.spare(labelled.labels, of_image, ignored_of(batch, image)) != sampling.IGNORED
        labelled = sampling.AnchorLabels(*(tf.boolean_mask(part, asked) for part in labelled))
        matched.append(_samples(tf.boolean_mask(of_image, asked), image, labelled, batch))
    return _joined(matched)


def _samples(boxes: tf.Tensor, image: int, labelled: sampling.AnchorLabels, batch: Example) -> Samples:
    ids = tf.pad(batch.class_ids[image], [[0, 1]])  # so that an image without objects can be gathered from
    class_ids = tf.where(labelled.labels == sampling.POSITIVE, tf.gather(ids, labelled.matches), 0)
    return Samples(boxes, tf.fill(tf.shape(labelled.matches), image), class_ids, labelled.matches)


def _joined(parts: Sequence[Samples]) -> Samples:
    return Samples(*(tf.stop_gradient(tf.concat(part, 0)) for part in zip(*parts, strict=True)))
