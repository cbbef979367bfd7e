"""Mask targets and pasting."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.ops import masks


def test_target_of_the_objects_own_box_is_its_mask():
    mask = tf.constant([[[1.0, 0.0], [1.0, 1.0]]])
    box = tf.constant([[10.0, 20.0, 30.0, 40.0]])
    assert masks.targets(mask, box, box, 2).numpy().tolist() == mask.numpy().tolist()


def test_target_of_a_box_beside_the_object_is_empty_there():
    mask = tf.ones([1, 4, 4])
    frame, box = tf.constant([[0.0, 0.0, 4.0, 4.0]]), tf.constant([[2.0, 0.0, 6.0, 4.0]])
    assert masks.targets(mask, frame, box, 4)[0].numpy().tolist() == [[1, 1, 0, 0]] * 4


def test_target_from_a_crop_equals_target_from_the_whole_image():
    whole = np.zeros((40, 40), np.float32)
    whole[8:24, 10:26] = 1.0
    box = tf.constant([[4.0, 6.0, 20.0, 22.0]])
    from_whole = masks.targets(tf.constant(whole[None]), tf.constant([[0.0, 0.0, 40.0, 40.0]]), box, 8)
    from_crop = masks.targets(tf.ones([1, 16, 16]), tf.constant([[10.0, 8.0, 26.0, 24.0]]), box, 8)
    np.testing.assert_allclose(from_whole, from_crop)


def test_a_part_of_a_mask_has_no_rim_where_it_ends_with_its_frame():
    """Given a full mask of 4 x 4 cells of 10 pixels: the left 12 pixels of it are full too, in cells of 3 pixels.

    The outermost sample lies 1.5 pixels from the border, before the middle of the cell: there targets reads zeros.
    """
    mask, frame = tf.ones([1, 4, 4]), tf.constant([[0.0, 0.0, 40.0, 40.0]])
    part = tf.constant([[0.0, 0.0, 12.0, 40.0]])
    assert masks.targets(mask, frame, part, 4)[0].numpy().tolist() == [[0, 0, 1, 1]] * 4
    assert masks.cut(mask, frame, part, 4)[0].numpy().tolist() == [[1, 1, 1, 1]] * 4


def test_a_part_of_a_mask_is_read_in_its_place():
    """Given the right half of a mask whose columns are 0, 0.2, 0.4 and 1: at a quarter and three quarters of a cell."""
    mask = tf.tile(tf.constant([[[0.0, 0.2, 0.4, 1.0]]]), [1, 4, 1])
    frame, part = tf.constant([[0.0, 0.0, 40.0, 40.0]]), tf.constant([[20.0, 0.0, 40.0, 40.0]])
    np.testing.assert_allclose(masks.cut(mask, frame, part, 4)[0], [[0.35, 0.55, 0.85, 1.0]] * 4, atol=1e-6)


def test_paste_fills_the_box_of_a_full_mask():
    pasted = masks.paste(np.ones((1, 28, 28), np.float32), np.array([[4, 6, 12, 9]], np.float32), 16, 20)
    expected = np.zeros((16, 20), bool)
    expected[6:9, 4:12] = True
    assert np.array_equal(pasted[0], expected)


def test_paste_keeps_the_orientation_of_the_mask():
    small = np.zeros((1, 2, 2), np.float32)
    small[0, 0, 1] = 1.0  # upper right
    pasted = masks.paste(small, np.array([[0, 0, 10, 10]], np.float32), 10, 10)[0]
    assert pasted[2, 7]
    assert not pasted[:, :5].any()
    assert not pasted[5:].any()


def test_paste_cuts_at_the_image_border_and_survives_boxes_outside():
    boxes = np.array([[-5, -5, 5, 5], [30, 30, 40, 40]], np.float32)
    pasted = masks.paste(np.ones((2, 10, 10), np.float32), boxes, 10, 10)
    assert pasted[0].sum() == 25
    assert pasted[1].sum() == 0


def test_paste_inverts_target_up_to_the_mask_resolution():
    y, x = np.mgrid[0:64, 0:64]
    disc = ((x - 31.5) ** 2 + (y - 31.5) ** 2 < 20**2)
    box = np.array([[11.0, 11.0, 52.0, 52.0]], np.float32)
    frame = tf.constant([[0.0, 0.0, 64.0, 64.0]])
    small = masks.targets(tf.constant(disc[None].astype(np.float32)), frame, tf.constant(box), 28)
    pasted = masks.paste(small.numpy(), box, 64, 64)[0]
    assert (pasted & disc).sum() / (pasted | disc).sum() > 0.97


def test_probabilities_are_pasted_where_masks_are():
    rng = np.random.default_rng(3)
    small = rng.uniform(0, 1, (4, 6, 6)).astype(np.float32)
    boxes = np.array([[2, 3, 20, 17], [-4, 5, 9, 30.5], [10.3, 0.2, 11.1, 8], [0, 0, 30, 25]], np.float32)
    pasted = masks.paste_probabilities(tf.constant(small), tf.constant(boxes), tf.constant(25), tf.constant(30)).numpy()
    for threshold in (0.2, 0.5, 0.8):
        np.testing.assert_array_equal(pasted >= threshold, masks.paste(small, boxes, 25, 30, threshold))


def test_probability_falls_to_nothing_beyond_the_box():
    """Given one bin of 4 pixels from 2 to 6 in a row: full at its middle, falling to 0 one bin away."""
    pasted = masks.paste_probabilities(tf.ones([1, 1, 1]), tf.constant([[2.0, 0.0, 6.0, 1.0]]), tf.constant(1),
                                       tf.constant(8))
    np.testing.assert_allclose(pasted[0, 0], [0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125])


def test_paste_draws_the_box_of_a_detection_without_a_mask():
    boxes = np.array([[1.0, 0.5, 3.4, 2.0], [-5.0, -5.0, 0.4, 0.4], [2.0, 1.0, 9.0, 9.0]], np.float32)
    drawn = masks.paste(np.zeros((3, 0, 0), np.float32), boxes, 3, 4).astype(int)
    assert drawn[0].tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert drawn[1].sum() == 0
    assert drawn[2].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    probabilities = masks.paste_probabilities(tf.zeros([3, 0, 0]), tf.constant(boxes), tf.constant(3), tf.constant(4))
    np.testing.assert_array_equal(probabilities, drawn)
    assert masks.paste(np.zeros((0, 0, 0), np.float32), np.zeros((0, 4), np.float32), 3, 4).shape == (0, 3, 4)
