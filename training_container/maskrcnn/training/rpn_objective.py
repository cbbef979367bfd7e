"""What the RPN learns from a batch: which anchors are asked, and the two losses over their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.model.config import RpnConfig
from maskrcnn.model.extents import Extents
from maskrcnn.model.rpn import RpnHead, RpnLevel
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import losses, sampling
from maskrcnn.training.examples import Example
from maskrcnn.training.roi_samples import crowds_of, ignored_of, objects_of


class AnchorTargets(NamedTuple):
    """The anchors of one image that are asked."""

    positive: tf.Tensor
    """[P] indices of anchors that should find an object."""
    negative: tf.Tensor
    """[N] indices of anchors that should find none."""
    boxes: tf.Tensor
    """[P, 4] the objects of the positive ones."""

    def all(self) -> tf.Tensor:
        """[P + N] indices, positive ones first."""
        return tf.concat([self.positive, self.negative], 0)


def compute(rpn: RpnHead, levels: Sequence[tf.Tensor], outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor],
            batch: Example, seed: tf.Tensor, extents: Extents | None = None) -> dict[str, tf.Tensor]:
    """label_loss and box_loss, averaged over the images of all replicas.

    Args:
        rpn: The head.
        levels: Its features [B, H, W, C].
        outputs: Its answers on all of them; only a focal loss, which asks every anchor, sends gradients back here.
        anchors: [N, 4] of each level.
        batch: Images and objects.
        seed: [2], decides the sampling.
        extents: Of images that differ in size; the levels are blank beyond them.
    """
    config, grid, count = rpn.config, tf.concat(anchors, 0), batch.image.shape[0]
    first = replicas.first_row(count)
    targets = [choose(config, grid, objects_of(batch, image), batch.size[image],
                      tf.random.experimental.stateless_fold_in(seed, first + image), crowds_of(batch, image),
                      ignored_of(batch, image), extents.holds(image, grid) if extents else None)
               for image in range(count)]
    answers = _dense(outputs, targets) if config.loss == "focal" else _sparse(rpn, levels, targets)
    label_losses, box_losses = zip(*(
        image_losses(config, logits, deltas, grid, asked)
        for (logits, deltas), asked in zip(answers, targets, strict=True)), strict=True)
    images = count * replicas.count()
    return {"label_loss": tf.add_n(label_losses) / images, "box_loss": tf.add_n(box_losses) / images}


def _dense(outputs: Sequence[RpnLevel], targets: Sequence[AnchorTargets]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Logits and deltas of the asked anchors of each image, taken from the answers on whole levels."""
    logits = tf.concat([output.logits for output in outputs], 1)
    deltas = tf.concat([output.deltas for output in outputs], 1)
    return [(tf.gather(logits[image], asked.all()), tf.gather(deltas[image], asked.all()))
            for image, asked in enumerate(targets)]


def _sparse(rpn: RpnHead, levels: Sequence[tf.Tensor],
            targets: Sequence[AnchorTargets]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """The same, computed at these anchors alone: a seventh less work in a whole training step of R50-FPN."""
    asked = [tf.cast(target.all(), tf.int32) for target in targets]
    sizes = tf.stack([tf.size(part) for part in asked])
    images = tf.repeat(tf.range(len(targets)), sizes)
    logits, deltas = rpn.at(levels, images, tf.concat(asked, 0))
    return list(zip(tf.split(logits, sizes, num=len(targets)), tf.split(deltas, sizes, num=len(targets)),
                    strict=True))


def choose(config: RpnConfig, anchors: tf.Tensor, objects: tf.Tensor, size: tf.Tensor,
           seed: tf.Tensor, crowds: tf.Tensor, ignored: tf.Tensor, own: tf.Tensor | None = None) -> AnchorTargets:
    """Label the anchors [N, 4] of one image by its objects [G, 4], and sample them unless the loss takes all.

    Anchors in crowds [K, 4] take no part, nor background in `ignored` [L, 4], nor anchors that are not the image's
    `own` [N] but of its padding.
    """
    labelled = sampling.label_anchors(
        anchors, objects, size, positive_iou=config.positive_iou, negative_iou=config.negative_iou,
        inside_only=config.inside_only, keep_best=config.keep_best)
    labels = sampling.ignore_in_crowds(labelled.labels, anchors, crowds, config.crowd_overlap)
    labels = sampling.spare(labels, anchors, ignored)
    labels = tf.where(own, labels, sampling.IGNORED) if own is not None else labels
    if config.loss == "focal":
        positive, negative = (tf.where(labels == role)[:, 0] for role in (1, 0))
    else:
        positive, negative = sampling.choose(labels, config.samples, config.positive_share, seed)
    return AnchorTargets(positive, negative, tf.gather(objects, tf.gather(labelled.matches, positive)))


def image_losses(config: RpnConfig, logits: tf.Tensor, deltas: tf.Tensor, anchors: tf.Tensor,
                 targets: AnchorTargets) -> tuple[tf.Tensor, tf.Tensor]:
    """Objectness and box loss of one image.

    Args:
        config: Which loss.
        logits: [P + N] at the asked anchors, positive ones first.
        deltas: [P + N, 4].
        anchors: [A, 4], all of them.
        targets: The asked anchors.
    """
    positives = tf.size(targets.positive)
    labels = tf.cast(tf.range(tf.size(logits)) < positives, tf.float32)
    regression = tf.stop_gradient(box_ops.encode(targets.boxes, tf.gather(anchors, targets.positive)))
    box_loss = losses.rpn_box(deltas[:positives], regression)
    if config.loss == "focal":
        divisor = tf.maximum(tf.cast(positives, tf.float32), 1.0)
        return losses.focal_objectness(logits, labels) / divisor, box_loss / divisor
    return losses.objectness(logits, labels) / config.samples, box_loss / config.samples
