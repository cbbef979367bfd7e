"""Boxes: overlap and regression against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.ops import boxes


def test_iou_of_hand_computed_pairs():
    first = tf.constant([[0.0, 0.0, 4.0, 4.0], [10.0, 10.0, 12.0, 14.0]])
    second = tf.constant([[2.0, 2.0, 6.0, 6.0], [0.0, 0.0, 4.0, 4.0], [4.0, 0.0, 8.0, 4.0]])
    # 2x2 shared of 16 + 16 - 4; itself; touching edges share nothing.
    np.testing.assert_allclose(boxes.iou(first, second), [[4 / 28, 1.0, 0.0], [0.0, 0.0, 0.0]], rtol=1e-6)


def test_iou_of_empty_boxes_is_zero_and_not_nan():
    empty = tf.constant([[3.0, 3.0, 3.0, 3.0]])
    assert boxes.iou(empty, empty).numpy().tolist() == [[0.0]]


def test_area_of_a_box_turned_inside_out_is_zero():
    assert boxes.area(tf.constant([[5.0, 0.0, 2.0, 4.0], [1.0, 2.0, 4.0, 6.0]])).numpy().tolist() == [0.0, 12.0]


def test_encode_gives_shift_and_log_growth_in_units_of_the_anchor():
    anchor = tf.constant([[0.0, 0.0, 10.0, 20.0]])
    box = tf.constant([[5.0, 0.0, 25.0, 10.0]])
    # Centres 5,10 -> 15,5: one anchor width to the right, a quarter of its height up; twice as wide, half as high.
    np.testing.assert_allclose(boxes.encode(box, anchor), [[1.0, -0.25, math.log(2), math.log(0.5)]], rtol=1e-6)
    np.testing.assert_allclose(
        boxes.encode(box, anchor, (10.0, 10.0, 5.0, 5.0)),
        [[10.0, -2.5, 5 * math.log(2), 5 * math.log(0.5)]],
        rtol=1e-6,
    )


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_decode_inverts_encode(weights):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (2, 20, 2))
    boxes_of = [np.concatenate([c, c + rng.uniform(1, 50, c.shape)], 1) for c in corners]
    anchors, targets = (tf.constant(array, tf.float32) for array in boxes_of)
    decoded = boxes.decode(boxes.encode(targets, anchors, weights), anchors, weights)
    np.testing.assert_allclose(decoded, targets, rtol=1e-4, atol=1e-3)


def test_decode_limits_growth_so_that_nothing_overflows():
    grown = boxes.decode(tf.constant([[0.0, 0.0, 1000.0, 0.0]]), tf.constant([[0.0, 0.0, 16.0, 16.0]]))
    np.testing.assert_allclose(grown[0, 2] - grown[0, 0], 1333.0, rtol=1e-5)


def test_clip_moves_corners_into_height_and_width():
    clipped = boxes.clip(tf.constant([[-5.0, -1.0, 30.0, 9.0]]), tf.constant([8, 20]))
    assert clipped.numpy().tolist() == [[0.0, 0.0, 20.0, 8.0]]
