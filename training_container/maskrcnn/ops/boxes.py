"""Boxes [..., 4] as x1, y1, x2, y2 in pixels, without the +1 of old codes: their size, overlap and regression."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

GROWTH_LIMIT = 1333 / 16.0
"""How many times larger than its anchor a box side may be, so that exp never overflows (tensorpack: MAX_SIZE / 16)."""
TINY = 1e-8


def area(boxes: tf.Tensor) -> tf.Tensor:
    """Area of each box, [...]; 0 for boxes turned inside out."""
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def intersection(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Pairwise overlap in square pixels of [N, 4] and [M, 4]: [N, M]."""
    x1, y1, x2, y2 = (c[:, None] for c in tf.unstack(first, axis=1))
    u1, v1, u2, v2 = (c[None, :] for c in tf.unstack(second, axis=1))
    width = tf.maximum(tf.minimum(x2, u2) - tf.maximum(x1, u1), 0.0)
    height = tf.maximum(tf.minimum(y2, v2) - tf.maximum(y1, v1), 0.0)
    return width * height


def iou(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Pairwise intersection over union of [N, 4] and [M, 4]: [N, M]; 0 where both are empty."""
    overlap = intersection(first, second)
    union = area(first)[:, None] + area(second)[None, :] - overlap
    return tf.math.divide_no_nan(overlap, union)


def clip(boxes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Move box corners [..., 4] into images of `size` (height, width): [2], or [..., 2] for each box its own."""
    height, width = tf.unstack(tf.cast(size, boxes.dtype), axis=-1)
    return tf.clip_by_value(boxes, 0.0, tf.stack([width, height, width, height], -1))


def encode(boxes: tf.Tensor, anchors: tf.Tensor, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> tf.Tensor:
    """Regression targets tx, ty, tw, th that turn `anchors` into `boxes` (Girshick et al. 2014, appendix C)."""
    anchor_sides = tf.maximum(anchors[..., 2:] - anchors[..., :2], TINY)
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], TINY)
    shift = ((boxes[..., 2:] + boxes[..., :2]) - (anchors[..., 2:] + anchors[..., :2])) / 2.0 / anchor_sides
    return tf.concat([shift, tf.math.log(sides / anchor_sides)], -1) * tf.constant(weights, boxes.dtype)


def decode(
    deltas: tf.Tensor,
    anchors: tf.Tensor,
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    growth_limit: float = GROWTH_LIMIT,
) -> tf.Tensor:
    """Boxes that regression outputs `deltas` make of `anchors`: the inverse of encode."""
    deltas = deltas / tf.constant(weights, deltas.dtype)
    anchor_sides = anchors[..., 2:] - anchors[..., :2]
    centres = (anchors[..., 2:] + anchors[..., :2]) / 2.0 + deltas[..., :2] * anchor_sides
    sides = tf.exp(tf.minimum(deltas[..., 2:], math.log(growth_limit))) * anchor_sides
    return tf.concat([centres - sides / 2.0, centres + sides / 2.0], -1)
