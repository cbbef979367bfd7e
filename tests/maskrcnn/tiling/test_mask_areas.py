"""Areas of small masks, counted by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.tiling import mask_areas
from maskrcnn.tiling.mask_areas import SmallMasks


def masks(boxes, values) -> SmallMasks:
    boxes, values = tf.constant(boxes, tf.float32), tf.constant(values, tf.float32)
    return SmallMasks(RawDetections(boxes, tf.ones(len(boxes)), tf.ones(len(boxes), tf.int32), values))


def left_half(side: int = 28) -> np.ndarray:
    values = np.zeros((side, side))
    values[:, : side // 2] = 1.0
    return values


def test_area_of_a_mask_in_its_box_and_in_a_part_of_it():
    ours = masks([[0, 0, 56, 28]], [left_half()])
    index = tf.constant([0, 0, 0])
    regions = tf.constant([[0, 0, 56, 28], [0, 0, 56, 14], [28, 0, 56, 28]], tf.float32)
    np.testing.assert_allclose(ours.areas(index, regions), [28 * 28, 28 * 14, 0], rtol=0.08)


def test_what_two_masks_share():
    """Given the left half of one box, and all of a box that begins in the middle of that half."""
    ours = masks([[0, 0, 56, 28], [14, 0, 70, 28], [100, 0, 110, 10]], [left_half(), np.ones((28, 28)),
                                                                      np.ones((28, 28))])
    shared = ours.shared(tf.constant([0, 1, 0, 0]), tf.constant([1, 0, 2, 0]))
    np.testing.assert_allclose(shared, [14 * 28, 14 * 28, 0, 28 * 28], rtol=0.08)


def test_more_pairs_than_are_measured_at_once():
    count = mask_areas.AT_ONCE * 2 + 3
    side = np.arange(1, count + 1, dtype=np.float32)
    boxes = np.stack([side * 0, side * 0, side, side * 0 + 1], 1)
    areas = masks(boxes, np.ones((count, 4, 4))).areas(tf.range(count), tf.constant(boxes))
    np.testing.assert_allclose(areas, side, rtol=0.03)  # a corner falls below one half
    assert masks(boxes, np.ones((count, 4, 4))).areas(tf.range(0), tf.zeros([0, 4])).shape == (0,)


def test_without_masks_the_boxes_are_the_masks():
    ours = masks([[0, 0, 10, 10], [5, 0, 15, 10]], np.zeros((2, 0, 0)))
    np.testing.assert_allclose(ours.shared(tf.constant([0]), tf.constant([1])), [50])


def test_a_mask_reads_as_it_is_over_its_own_box_and_as_nothing_outside():
    values = np.random.default_rng(0).random((1, 4, 4)).astype(np.float32)
    ours = masks([[8, 8, 16, 16]], values)
    np.testing.assert_allclose(ours.read(tf.constant([0]), tf.constant([[8.0, 8, 16, 16]]), 4), values, atol=1e-5)
    np.testing.assert_array_equal(ours.read(tf.constant([0]), tf.constant([[20.0, 8, 28, 16]]), 4), np.zeros((1, 4, 4)))
