"""Motions of image, boxes and masks, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.ops import boxes as box_ops
from maskrcnn.training import affine, examples
from maskrcnn.training.affine import Motion
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.examples import Example

SIDE = 8


def patch(box: tuple[int, int, int, int], size: int = 40, *, has_mask: bool = True) -> Example:
    """A bright rectangle that fills its box, in a square image."""
    x1, y1, x2, y2 = box
    image = np.zeros((size, size, 3), np.uint8)
    image[y1:y2, x1:x2] = 200
    mask = np.full((1, SIDE, SIDE), 255 if has_mask else 0, np.uint8)
    return Example(tf.constant(image), tf.constant([size, size]), tf.constant([box], tf.float32), tf.constant([1]),
                   tf.constant(mask), tf.constant([has_mask]), tf.constant("a.png"))


def about_centre(matrix: list[list[float]], shift: tuple[float, float] = (0.0, 0.0), size: int = 40) -> Motion:
    centre = np.array([size / 2, size / 2])
    return Motion(tf.constant(matrix, tf.float32),
                  tf.constant(centre - np.array(matrix) @ centre + np.array(shift), tf.float32))


def bright_box(image: tf.Tensor) -> list[int]:
    ys, xs = np.nonzero(image.numpy()[:, :, 0] > 100)
    return [int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]


@pytest.mark.parametrize(
    ("motion", "box"),
    [
        (about_centre([[1, 0], [0, 1]], (5, -3)), [15, 9, 23, 17]),
        (about_centre([[0, -1], [1, 0]]), [20, 10, 28, 18]),  # a quarter turn, from x to y
        (about_centre([[2, 0], [0, 1]]), [0, 12, 16, 20]),
    ],
)
def test_motion_moves_image_and_box_alike(motion, box):
    moved = affine.moved(patch((10, 12, 18, 20)), motion)
    np.testing.assert_allclose(moved.boxes, [box], atol=1e-3)
    assert bright_box(moved.image) == box
    assert (moved.masks.numpy() >= 250).all()


def test_mask_turns_with_its_object():
    """Given an upper left quarter, when turned by 90 degrees from x to y, then it is the upper right one."""
    example = patch((10, 10, 18, 18))
    mask = np.zeros((1, SIDE, SIDE), np.uint8)
    mask[0, :4, :4] = 255
    moved = affine.moved(example._replace(masks=tf.constant(mask)), about_centre([[0, -1], [1, 0]]))
    np.testing.assert_allclose(moved.boxes, [[26, 10, 30, 14]], atol=1e-3)  # tight around what is object
    assert (moved.masks.numpy() >= 120).all()


def test_object_without_a_mask_is_moved_as_its_box():
    moved = affine.moved(patch((10, 12, 18, 20), has_mask=False), about_centre([[0, -1], [1, 0]]))
    np.testing.assert_allclose(moved.boxes, [[20, 10, 28, 18]], atol=1e-3)
    assert not moved.has_mask.numpy().any()


def test_turned_square_gets_the_box_around_it_and_a_diamond_as_mask():
    root = math.sqrt(0.5)
    moved = affine.moved(patch((15, 15, 25, 25)), about_centre([[root, -root], [root, root]]))
    reach = 10 * root
    np.testing.assert_allclose(moved.boxes, [[20 - reach, 20 - reach, 20 + reach, 20 + reach]], atol=0.3)
    mask = moved.masks.numpy()[0]
    assert mask[0, 0] == mask[-1, -1] == mask[0, -1] == 0
    assert mask[4, 4] == 255
    assert mask.mean() / 255 == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("shift", "left"), [((0, 0), 1), ((-16, 0), 1), ((-18, 0), 0), ((0, 30), 0)])
def test_object_that_mostly_left_the_image_is_left_out_and_the_rest_is_clipped(shift, left):
    moved = affine.moved(patch((12, 12, 20, 20)), about_centre([[1, 0], [0, 1]], shift))
    assert len(moved.boxes) == len(moved.masks) == len(moved.class_ids) == len(moved.has_mask) == left
    np.testing.assert_array_equal(moved.boxes, box_ops.clip(moved.boxes, moved.size))


def test_image_without_objects_is_moved_too():
    example = patch((12, 12, 20, 20))
    empty = example._replace(boxes=example.boxes[:0], masks=example.masks[:0], class_ids=example.class_ids[:0],
                             has_mask=example.has_mask[:0])
    moved = affine.moved(empty, about_centre([[1, 0], [0, 1]], (5, 0)))
    assert moved.boxes.shape == (0, 4)
    assert bright_box(moved.image) == [17, 12, 25, 20]


def test_random_motions_stay_in_their_ranges_and_follow_the_seed():
    config = TrainingConfig(rotation_degrees=30.0, zoom=0.2, shift=0.1)
    size = tf.constant([40, 80])
    motions = [affine.random_motion(size, config, tf.constant([1, number], tf.int64)) for number in range(50)]
    again = affine.random_motion(size, config, tf.constant([1, 7], tf.int64))
    np.testing.assert_array_equal(again.matrix, motions[7].matrix)
    angles = [math.degrees(math.atan2(m.matrix[1, 0], m.matrix[0, 0])) for m in motions]
    assert max(map(abs, angles)) <= 30.0
    assert min(angles) < -15 < 15 < max(angles)
    zooms = [float(tf.norm(m.matrix[:, 0])) for m in motions]
    assert 0.8 <= min(zooms) < 0.9 < 1.1 < max(zooms) <= 1.2
    centre = tf.constant([40.0, 20.0])
    shifts = np.array([m(centre) - centre for m in motions])
    assert np.abs(shifts).max(0) == pytest.approx([8.0, 4.0], rel=0.2)
    assert (np.abs(shifts).max(0) <= [8.0, 4.0]).all()


def test_real_crops_keep_their_size(make_example):
    parsed = examples.parse(make_example("a.png", 64, 64, [(1, (8, 8, 40, 40), True, False)]))
    moved = affine.moved(parsed, about_centre([[1, 0], [0, 1]], (10, 6), 64))
    assert moved.masks.shape == parsed.masks.shape
    np.testing.assert_allclose(moved.boxes, [[18, 14, 50, 46]], atol=1e-3)
    np.testing.assert_allclose(moved.masks, parsed.masks, atol=2)
