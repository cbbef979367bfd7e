"""What training minimises: the five losses of a batch, with the sampling that feeds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model.rpn import RpnLevel
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import losses, masks, sampling
from maskrcnn.training.examples import Example


class Samples(NamedTuple):
    """Proposals of the whole batch chosen for the heads; the foreground ones come first in each image."""

    boxes: tf.Tensor
    """[R, 4]"""
    images: tf.Tensor
    """[R] int32"""
    class_ids: tf.Tensor
    """[R] int32, 0 background."""
    objects: tf.Tensor
    """[R] int32: index of the matched object within its image."""


def compute(model: MaskRCNN, batch: Example, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Losses and logged figures under the names of the log; `seed` [2] decides the sampling."""
    levels = model.pyramid(batch.image, batch.size, training=True)
    outputs = [model.rpn(level) for level in levels]
    anchors = model.anchors(levels)
    rpn_losses = _rpn(model, outputs, anchors, batch, seed)
    samples = _sample(model, outputs, anchors, batch, seed)
    box = _box_head(model, levels, samples, batch)
    mask = _mask_head(model, levels, samples, batch)
    return {
        **{f"rpn_losses/{name}": value for name, value in rpn_losses.items()},
        **{f"fastrcnn_losses/{name}": value for name, value in box.items()},
        **{f"maskrcnn_loss/{name}": value for name, value in mask.items()},
    }


LOSSES = ("rpn_losses/label_loss", "rpn_losses/box_loss", "fastrcnn_losses/label_loss", "fastrcnn_losses/box_loss",
          "maskrcnn_loss/maskrcnn_loss")
"""The figures of `compute` that are added up."""


def _objects(batch: Example, image: int) -> tf.Tensor:
    """Boxes [G, 4] of one image without padding, which is always at the end."""
    return tf.boolean_mask(batch.boxes[image], batch.class_ids[image] > 0)


def _rpn(model: MaskRCNN, outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor], batch: Example,
         seed: tf.Tensor) -> dict[str, tf.Tensor]:
    config = model.config.rpn
    all_anchors = tf.concat(anchors, 0)
    logits = tf.concat([output.logits for output in outputs], 1)
    deltas = tf.concat([output.deltas for output in outputs], 1)
    count = batch.image.shape[0]
    label_losses, box_losses = [], []
    for image in range(count):
        objects = _objects(batch, image)
        labelled = sampling.label_anchors(
            all_anchors, objects, batch.size[image], positive_iou=config.positive_iou,
            negative_iou=config.negative_iou, inside_only=config.inside_only, keep_best=config.keep_best)
        if config.loss == "focal":
            positive, negative = (tf.where(labelled.labels == role)[:, 0] for role in (1, 0))
            objectness, divisor = losses.focal_objectness, tf.maximum(tf.cast(tf.size(positive), tf.float32), 1.0)
        else:
            positive, negative = sampling.choose(labelled.labels, config.samples, config.positive_share,
                                                 tf.random.experimental.stateless_fold_in(seed, image))
            objectness, divisor = losses.objectness, tf.constant(float(config.samples))
        targets = box_ops.encode(tf.gather(objects, tf.gather(labelled.matches, positive)),
                                 tf.gather(all_anchors, positive))
        chosen = tf.gather(logits[image], tf.concat([positive, negative], 0))
        labels = tf.cast(tf.range(tf.size(chosen)) < tf.size(positive), tf.float32)
        label_losses.append(objectness(chosen, labels) / divisor)
        box_losses.append(losses.rpn_box(tf.gather(deltas[image], positive), tf.stop_gradient(targets)) / divisor)
    return {"label_loss": tf.add_n(label_losses) / count, "box_loss": tf.add_n(box_losses) / count}


def _sample(model: MaskRCNN, outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor], batch: Example,
            seed: tf.Tensor) -> Samples:
    """Propose, add the labelled boxes themselves, and choose foreground and background."""
    config = model.config.box
    chosen = []
    for image in range(batch.image.shape[0]):
        objects = _objects(batch, image)
        proposals, _ = model.propose(outputs, anchors, image, batch.size[image], training=True)
        boxes = tf.concat([proposals, objects], 0)
        labelled = sampling.label_proposals(boxes, objects, config.positive_iou)
        positive, negative = sampling.choose(labelled.labels, config.samples, config.positive_share,
                                             tf.random.experimental.stateless_fold_in(seed, -1 - image))
        indices = tf.concat([positive, negative], 0)
        matches = tf.gather(labelled.matches, indices)
        ids = tf.pad(batch.class_ids[image], [[0, 1]])  # so that an image without objects can be gathered from
        class_ids = tf.where(tf.range(tf.size(indices)) < tf.size(positive), tf.gather(ids, matches), 0)
        chosen.append(Samples(tf.gather(boxes, indices), tf.fill(tf.shape(matches), image), class_ids, matches))
    return Samples(*(tf.stop_gradient(tf.concat(part, 0)) for part in zip(*chosen, strict=True)))


def _box_head(model: MaskRCNN, levels: Sequence[tf.Tensor], samples: Samples, batch: Example) -> dict[str, tf.Tensor]:
    config = model.config.box
    logits, deltas = model.box_head(model.pool(levels, samples.boxes, samples.images, config.pool_size))
    foreground = tf.where(samples.class_ids > 0)[:, 0]
    of_class = tf.gather(tf.gather(deltas, foreground), tf.gather(samples.class_ids, foreground), batch_dims=1)
    where = tf.stack([tf.gather(samples.images, foreground), tf.gather(samples.objects, foreground)], 1)
    targets = box_ops.encode(tf.gather_nd(batch.boxes, where), tf.gather(samples.boxes, foreground),
                             config.regression_weights)
    figures = losses.box_head(logits, samples.class_ids, of_class, tf.stop_gradient(targets))
    figures["num_fg_label"] /= batch.image.shape[0]
    return figures


def _mask_head(model: MaskRCNN, levels: Sequence[tf.Tensor], samples: Samples,
               batch: Example) -> dict[str, tf.Tensor]:
    """Only foreground proposals whose object has a mask take part."""
    config = model.config.mask
    foreground = tf.boolean_mask(tf.stack([samples.images, samples.objects], 1), samples.class_ids > 0)
    masked = tf.gather_nd(batch.has_mask, foreground)
    where = tf.boolean_mask(foreground, masked)
    boxes = tf.boolean_mask(tf.boolean_mask(samples.boxes, samples.class_ids > 0), masked)
    pooled = model.pool(levels, boxes, where[:, 0], config.pool_size)
    logits = model.mask_head(pooled, tf.gather_nd(batch.class_ids, where))
    object_masks = tf.cast(tf.gather_nd(batch.masks, where), tf.float32) / 255.0
    targets = masks.targets(object_masks, tf.gather_nd(batch.boxes, where), boxes, config.pool_size * 2)
    return losses.mask_head(logits, tf.stop_gradient(targets))
