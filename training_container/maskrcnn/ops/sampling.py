"""Which anchors and proposals count as what in training, and the random choice among them.

Everything random takes a seed [2], so that a step gives the same samples whenever it is taken.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class AnchorLabels(NamedTuple):
    """Role of each anchor, and the object that it fits best."""

    labels: tf.Tensor
    """[N] int32: POSITIVE, NEGATIVE or IGNORED."""
    matches: tf.Tensor
    """[N] int32: index of the object; meaningful for positives."""


def label_anchors(anchors: tf.Tensor, objects: tf.Tensor, size: tf.Tensor, *, positive_iou: float,
                  negative_iou: float, inside_only: bool, keep_best: bool) -> AnchorLabels:
    """Label anchors by overlap (Ren et al. 2015, section 3.1.2, in the order of tensorpack).

    Positive is an anchor with at least positive_iou, or the best one of an object (ties included); negative
    one below negative_iou with every object, which takes back a best one unless `keep_best`.

    Args:
        anchors: [N, 4].
        objects: [G, 4] labelled boxes; G may be 0.
        size: (height, width) of the image without padding.
        positive_iou: From here on positive.
        negative_iou: Below this negative.
        inside_only: Ignore anchors that reach outside the image.
        keep_best: The best anchor of an object stays positive however low its overlap.
    """
    overlap = box_ops.iou(anchors, objects)
    inside = _inside(anchors, size)
    if inside_only:
        overlap = tf.where(inside[:, None], overlap, -1.0)
    best = tf.reduce_max(tf.concat([overlap, tf.zeros_like(anchors[:, :1])], 1), 1)
    best_of_object = tf.reduce_max(overlap, 0, keepdims=True)
    is_best = tf.reduce_any((overlap == best_of_object) & (overlap > 0.0), 1)
    positive = (best >= positive_iou) | is_best
    negative = best < negative_iou
    negative &= ~is_best if keep_best else True
    labels = tf.where(negative, NEGATIVE, tf.where(positive, POSITIVE, IGNORED))
    if inside_only:
        labels = tf.where(inside, labels, IGNORED)
    return AnchorLabels(labels, _best_index(overlap))


def ignore_in_crowds(labels: tf.Tensor, anchors: tf.Tensor, crowds: tf.Tensor, overlap: float) -> tf.Tensor:
    """Labels [N] where anchors [N, 4] with more than `overlap` of their area in one of the crowds [K, 4] are IGNORED.

    A crowd is a region full of objects that nobody separated (COCO's iscrowd): an anchor there is neither right nor
    wrong (tensorpack's CROWD_OVERLAP_THRESH).
    """
    shares = tf.math.divide_no_nan(box_ops.intersection(anchors, crowds), box_ops.area(anchors)[:, None])
    return tf.where(tf.reduce_any(shares > overlap, 1), IGNORED, labels)


def spare(labels: tf.Tensor, boxes: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
    """Labels [N] where negative boxes [N, 4] that lie for the most part in one of the regions [K, 4] are IGNORED."""
    shares = tf.math.divide_no_nan(box_ops.intersection(boxes, regions), box_ops.area(boxes)[:, None])
    return tf.where((labels == NEGATIVE) & tf.reduce_any(shares > 0.5, 1), IGNORED, labels)


def choose(labels: tf.Tensor, samples: int, positive_share: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Choose at most `samples * positive_share` positives and fill up with negatives.

    Returns:
        Indices of the chosen positives and of the chosen negatives, each in random order.
    """
    positives = shuffled(tf.where(labels == POSITIVE)[:, 0], seed)[: int(samples * positive_share)]
    negatives = shuffled(tf.where(labels == NEGATIVE)[:, 0], seed + 1)[: samples - tf.size(positives)]
    return positives, negatives


def label_proposals(proposals: tf.Tensor, objects: tf.Tensor, positive_iou: float) -> AnchorLabels:
    """Positive is a proposal with at least positive_iou with an object, all others are negative."""
    overlap = box_ops.iou(proposals, objects)
    best = tf.reduce_max(tf.concat([overlap, tf.zeros_like(proposals[:, :1])], 1), 1)
    return AnchorLabels(tf.where(best >= positive_iou, POSITIVE, NEGATIVE), _best_index(overlap))


def shuffled(values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The values [N] in an order that depends on the seed alone."""
    order = tf.argsort(tf.random.stateless_uniform(tf.shape(values), seed))
    return tf.gather(values, order)


def _inside(anchors: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    height, width = tf.unstack(tf.cast(size, tf.float32))
    x1, y1, x2, y2 = tf.unstack(anchors, axis=1)
    return (x1 >= 0.0) & (y1 >= 0.0) & (x2 <= width) & (y2 <= height)


def _best_index(overlap: tf.Tensor) -> tf.Tensor:
    """Argmax over objects that also works without any: then 0."""
    padded = tf.pad(overlap, [[0, 0], [0, 1]], constant_values=-2.0)
    return tf.minimum(tf.argmax(padded, 1, tf.int32), tf.maximum(tf.shape(overlap)[1] - 1, 0))
