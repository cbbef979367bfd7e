"""Proposals, ROIAlign and detections with every shape known, in operations that LiteRT has.

They compute what maskrcnn.ops computes, but for boxes without area; where that drops boxes, these give them the score
NONE.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import roi_align

NONE = -1e9
"""Score of a box that does not count; a logit is never near it."""


def non_max_suppression(boxes: tf.Tensor, scores: tf.Tensor, keep: int, nms_iou: float,
                        score_threshold: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The kept boxes [keep, 4] by falling score, and their scores [keep], NONE after the last one.

    Boxes without area are not kept: LiteRT, which lets a box end itself by its overlap, would choose one forever.
    """
    scores = _marked(scores, box_ops.area(boxes) > 0.0)
    chosen, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes, scores=scores, max_output_size=keep, iou_threshold=nms_iou, score_threshold=score_threshold,
        pad_to_max_output_size=True)
    chosen = tf.ensure_shape(chosen, [keep])
    return tf.gather(boxes, chosen), _marked(tf.gather(scores, chosen), tf.range(keep) < count)


def _marked(scores: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """The scores, NONE where they do not count.

    By a sum and not by tf.where: what a selection chooses between gets one scale in int8, so logits would be all 0.
    """
    return tf.maximum(scores + NONE * (1.0 - tf.cast(real, tf.float32)), NONE)


def select_level(logits: tf.Tensor, deltas: tf.Tensor, anchors: tf.Tensor, size: tf.Tensor, *, candidates: int,
                 keep: int, nms_iou: float, min_size_px: float, growth_limit: float) -> tuple[tf.Tensor, tf.Tensor]:
    """As ops.proposals.select_level: boxes [K, 4] and logits [K] by falling logit."""
    scores, order = tf.math.top_k(logits, min(candidates, logits.shape[0]))
    grown = box_ops.decode(tf.gather(deltas, order), tf.gather(anchors, order), growth_limit=growth_limit)
    boxes = box_ops.clip(grown, size)
    if min_size_px > 0.0:
        sides = boxes[:, 2:] - boxes[:, :2]
        scores = _marked(scores, tf.reduce_min(sides, 1) > min_size_px)
    return non_max_suppression(boxes, scores, min(keep, boxes.shape[0]), nms_iou, NONE / 2)


def best_of_levels(levels: Sequence[tuple[tf.Tensor, tf.Tensor]], keep: int) -> tuple[tf.Tensor, tf.Tensor]:
    """As ops.proposals.best_of_levels: the best boxes of all levels and their logits."""
    boxes, scores = (tf.concat(part, 0) for part in zip(*levels, strict=True))
    scores, order = tf.math.top_k(scores, min(keep, scores.shape[0]))
    return tf.gather(boxes, order), scores


def pyramid_roi_align(levels: Sequence[tf.Tensor], strides: Sequence[int], boxes: tf.Tensor, size: int,
                      samples: int) -> tf.Tensor:
    """As ops.roi_align.pyramid_roi_align for boxes [R, 4] inside one image: [R, size, size, C].

    All levels lie in one table of pixels, in which each box reads at its own level's place.
    """
    shapes = [(level.shape[1], level.shape[2]) for level in levels]
    starts = [sum(h * w for h, w in shapes[:index]) for index in range(len(shapes))]
    table = tf.concat([tf.reshape(level[0], [-1, level.shape[-1]]) for level in levels], 0)
    level = roi_align.level_of(boxes) - 2
    height, width, start = (tf.gather(tf.constant(values), level)[:, None]
                            for values in ([s[0] for s in shapes], [s[1] for s in shapes], starts))
    local = boxes / tf.gather(tf.constant(strides, tf.float32), level)[:, None]
    rows = _taps(local[:, 1:2], local[:, 3:4], size * samples, height)
    columns = _taps(local[:, 0:1], local[:, 2:3], size * samples, width)
    crops = tf.add_n([
        tf.gather(table, (start + y * width)[:, :, None] + x[:, None, :]) * (wy[:, :, None] * wx[:, None, :])[..., None]
        for y, wy in rows for x, wx in columns])
    return tf.nn.avg_pool2d(crops, samples, samples, "VALID") if samples > 1 else crops


def _taps(low: tf.Tensor, high: tf.Tensor, bins: int, limit: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """The two pixels [R, bins] around each bin's centre with their weights; beyond the border counts its pixel."""
    at = low + (high - low) * ((tf.range(bins, dtype=tf.float32) + 0.5) / bins) - 0.5
    before = tf.floor(at)
    share = at - before
    first = tf.cast(before, tf.int32)
    return [(tf.clip_by_value(first, 0, limit - 1), 1.0 - share), (tf.clip_by_value(first + 1, 0, limit - 1), share)]


def detect(boxes: tf.Tensor, probabilities: tf.Tensor, *, score_threshold: float, nms_iou: float,
           keep: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """As ops.proposals.detect: boxes [keep, 4], scores [keep] falling and class ids [keep]; 0 where there is none."""
    found = []
    for index in range(probabilities.shape[1]):
        class_boxes, scores = non_max_suppression(boxes[:, index], probabilities[:, index], min(keep, boxes.shape[0]),
                                                  nms_iou, score_threshold)
        found.append((class_boxes, scores, tf.fill([scores.shape[0]], index + 1)))
    all_boxes, all_scores, all_ids = (tf.concat(part, 0) for part in zip(*found, strict=True))
    scores, order = tf.math.top_k(all_scores, min(keep, all_scores.shape[0]))
    real = scores > 0.0
    return (tf.gather(all_boxes, order) * tf.cast(real, tf.float32)[:, None], tf.maximum(scores, 0.0),
            tf.gather(all_ids, order) * tf.cast(real, tf.int32))
