"""What the RPN learns from a batch: which anchors are asked, and the two losses over their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.config import RpnConfig
from maskrcnn.model.rpn import RpnLevel
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import losses, sampling
from maskrcnn.training.examples import Example
from maskrcnn.training.roi_samples import crowds_of, objects_of


class AnchorTargets(NamedTuple):
    """The anchors of one image that are asked."""

    positive: tf.Tensor
    """[P] indices of anchors that should find an object."""
    negative: tf.Tensor
    """[N] indices of anchors that should find none."""
    boxes: tf.Tensor
    """[P, 4] the objects of the positive ones."""


def compute(config: RpnConfig, outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor], batch: Example,
            seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """label_loss and box_loss, averaged over the images; `seed` [2] decides the sampling."""
    grid = tf.concat(anchors, 0)
    logits = tf.concat([output.logits for output in outputs], 1)
    deltas = tf.concat([output.deltas for output in outputs], 1)
    count = batch.image.shape[0]
    found = []
    for image in range(count):
        targets = choose(config, grid, objects_of(batch, image), batch.size[image],
                         tf.random.experimental.stateless_fold_in(seed, image), crowds_of(batch, image))
        found.append(image_losses(config, logits[image], deltas[image], grid, targets))
    label_losses, box_losses = zip(*found, strict=True)
    return {"label_loss": tf.add_n(label_losses) / count, "box_loss": tf.add_n(box_losses) / count}


def choose(config: RpnConfig, anchors: tf.Tensor, objects: tf.Tensor, size: tf.Tensor,
           seed: tf.Tensor, crowds: tf.Tensor) -> AnchorTargets:
    """Label the anchors [N, 4] of one image by its objects [G, 4], and sample them unless the loss takes all.

    Anchors in crowds [K, 4] take no part.
    """
    labelled = sampling.label_anchors(
        anchors, objects, size, positive_iou=config.positive_iou, negative_iou=config.negative_iou,
        inside_only=config.inside_only, keep_best=config.keep_best)
    labels = sampling.ignore_in_crowds(labelled.labels, anchors, crowds, config.crowd_overlap)
    if config.loss == "focal":
        positive, negative = (tf.where(labels == role)[:, 0] for role in (1, 0))
    else:
        positive, negative = sampling.choose(labels, config.samples, config.positive_share, seed)
    return AnchorTargets(positive, negative, tf.gather(objects, tf.gather(labelled.matches, positive)))


def image_losses(config: RpnConfig, logits: tf.Tensor, deltas: tf.Tensor, anchors: tf.Tensor,
                 targets: AnchorTargets) -> tuple[tf.Tensor, tf.Tensor]:
    """Objectness and box loss of one image from its logits [N] and deltas [N, 4] at anchors [N, 4]."""
    chosen = tf.gather(logits, tf.concat([targets.positive, targets.negative], 0))
    labels = tf.cast(tf.range(tf.size(chosen)) < tf.size(targets.positive), tf.float32)
    regression = tf.stop_gradient(box_ops.encode(targets.boxes, tf.gather(anchors, targets.positive)))
    box_loss = losses.rpn_box(tf.gather(deltas, targets.positive), regression)
    if config.loss == "focal":
        divisor = tf.maximum(tf.cast(tf.size(targets.positive), tf.float32), 1.0)
        return losses.focal_objectness(chosen, labels) / divisor, box_loss / divisor
    return losses.objectness(chosen, labels) / config.samples, box_loss / config.samples
