"""Proposals of a level and final detections."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.ops import proposals

SIZE = tf.constant([50, 60])
ANCHORS = tf.constant([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [40.0, 40.0, 70.0, 60.0], [5.0, 5.0, 5.0, 9.0]])


def select(logits, **changes):
    options = {"candidates": 10, "keep": 10, "nms_iou": 0.5, "min_size_px": 0.0} | changes
    boxes, scores = proposals.select_level(tf.constant(logits), tf.zeros([4, 4]), ANCHORS, SIZE, **options)
    return boxes.numpy().tolist(), scores.numpy().tolist()


def test_level_drops_overlaps_clips_and_drops_small_boxes():
    boxes, scores = select([1.0, 2.0, 0.5, 9.0], min_size_px=1.0)
    # The second beats the first (IoU 0.82); the third is cut at 60 x 50; the fourth has no width.
    assert boxes == [[1, 0, 11, 10], [40, 40, 60, 50]]
    assert scores == [2.0, 0.5]


def test_level_looks_at_the_best_candidates_only_and_keeps_no_more_than_asked():
    assert select([1.0, 2.0, 0.5, -9.0], candidates=1)[0] == [[1, 0, 11, 10]]
    assert select([1.0, 2.0, 3.0, -9.0], keep=1)[1] == [3.0]


def test_level_moves_boxes_by_their_deltas():
    deltas = tf.constant([[1.0, 0.0, 0.0, 0.0]])
    boxes, _ = proposals.select_level(
        tf.constant([0.0]), deltas, ANCHORS[:1], SIZE, candidates=1, keep=1, nms_iou=0.5, min_size_px=0.0
    )
    assert boxes.numpy().tolist() == [[10, 0, 20, 10]]


def test_best_of_levels_sorts_over_all_levels():
    first = (tf.constant([[0.0, 0, 1, 1], [0, 0, 2, 2]]), tf.constant([5.0, 1.0]))
    second = (tf.constant([[0.0, 0, 3, 3]]), tf.constant([3.0]))
    boxes, scores = proposals.best_of_levels([first, second], 2)
    assert scores.numpy().tolist() == [5.0, 3.0]
    assert boxes[:, 2].numpy().tolist() == [1.0, 3.0]


def test_detections_suppress_within_a_class_but_not_across_classes():
    box = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]
    boxes = tf.constant([[box[0], box[0]], [box[0], box[1]]])  # proposal, class
    probabilities = tf.constant([[0.9, 0.3], [0.6, 0.04]])
    found, scores, ids = proposals.detect(boxes, probabilities, score_threshold=0.05, nms_iou=0.5, keep=10)
    assert ids.numpy().tolist() == [1, 2]
    np.testing.assert_allclose(scores, [0.9, 0.3], rtol=1e-6)
    assert found.numpy().tolist() == [box[0], box[0]]


def test_detections_keep_the_best_over_all_classes():
    boxes = tf.constant([[[0.0, 0, 9, 9], [0, 0, 9, 9]], [[20, 20, 30, 30], [20, 20, 30, 30]]])
    probabilities = tf.constant([[0.2, 0.7], [0.8, 0.1]])
    _, scores, ids = proposals.detect(boxes, probabilities, score_threshold=0.05, nms_iou=0.5, keep=2)
    assert ids.numpy().tolist() == [1, 2]
    np.testing.assert_allclose(scores, [0.8, 0.7], rtol=1e-6)


def test_no_detection_gives_empty_tensors():
    boxes, scores, ids = proposals.detect(
        tf.zeros([3, 2, 4]), tf.zeros([3, 2]), score_threshold=0.05, nms_iou=0.5, keep=2
    )
    assert (boxes.shape, scores.shape, ids.shape) == ((0, 4), (0,), (0,))
