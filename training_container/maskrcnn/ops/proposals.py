"""From scored boxes to few: proposals of one image, and its final detections."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops


def select_level(
    logits: tf.Tensor,
    deltas: tf.Tensor,
    anchors: tf.Tensor,
    size: tf.Tensor,
    *,
    candidates: int,
    keep: int,
    nms_iou: float,
    min_size_px: float,
    growth_limit: float = box_ops.GROWTH_LIMIT,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The best boxes of one level of one image: top candidates, clipped to the image, thinned by NMS.

    Args:
        logits: [N] objectness.
        deltas: [N, 4] regression outputs.
        anchors: [N, 4].
        size: (height, width) of the image without padding.
        candidates: How many of the best go into NMS.
        keep: How many may leave it.
        nms_iou: Overlap from which the weaker box falls.
        min_size_px: Boxes with a side not above this fall; 0 lets even empty ones pass, as in tensorpack.
        growth_limit: How many times larger than its anchor a side may be.

    Returns:
        boxes [K, 4] and logits [K], by falling logit.
    """
    scores, order = tf.math.top_k(logits, tf.minimum(candidates, tf.size(logits)), sorted=True)
    grown = box_ops.decode(tf.gather(deltas, order), tf.gather(anchors, order), growth_limit=growth_limit)
    boxes = box_ops.clip(grown, size)
    if min_size_px > 0.0:
        large = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] > min_size_px, 1)
        boxes, scores = tf.boolean_mask(boxes, large), tf.boolean_mask(scores, large)
    kept = tf.image.non_max_suppression(boxes, scores, keep, nms_iou)
    return tf.gather(boxes, kept), tf.gather(scores, kept)


def best_of_levels(levels: Sequence[tuple[tf.Tensor, tf.Tensor]], keep: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The `keep` best boxes over all levels, by falling score."""
    boxes = tf.concat([level[0] for level in levels], 0)
    scores = tf.concat([level[1] for level in levels], 0)
    scores, order = tf.math.top_k(scores, tf.minimum(keep, tf.size(scores)), sorted=True)
    return tf.gather(boxes, order), scores


def detect(boxes: tf.Tensor, probabilities: tf.Tensor, *, score_threshold: float | tf.Tensor, nms_iou: float,
           keep: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Final detections of one image: boxes above the threshold, NMS within each class, the best over all.

    Args:
        boxes: [N, C, 4], a refined box for each class without background.
        probabilities: [N, C], softmax without its background column.
        score_threshold: Lower scores fall.
        nms_iou: Overlap with a better box of the same class from which a box falls.
        keep: Most detections of the image.

    Returns:
        boxes [D, 4], scores [D] falling, class ids [D] from 1.
    """
    class_count = probabilities.shape[1]
    found = []
    for index in range(class_count):
        candidates = tf.where(probabilities[:, index] > score_threshold)[:, 0]
        class_boxes = tf.gather(boxes[:, index], candidates)
        class_scores = tf.gather(probabilities[:, index], candidates)
        kept = tf.image.non_max_suppression(class_boxes, class_scores, keep, nms_iou)
        found.append((tf.gather(class_boxes, kept), tf.gather(class_scores, kept), tf.fill([tf.size(kept)], index + 1)))
    scores = tf.concat([f[1] for f in found], 0)
    scores, order = tf.math.top_k(scores, tf.minimum(keep, tf.size(scores)), sorted=True)
    return (tf.gather(tf.concat([f[0] for f in found], 0), order), scores,
            tf.gather(tf.concat([f[2] for f in found], 0), order))
