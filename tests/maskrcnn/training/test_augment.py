"""Flips and turns move image, boxes and masks together."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.training import augment, examples
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.examples import Example


@pytest.fixture
def corner() -> Example:
    """A bright patch in the upper left whose mask is its own upper left quarter."""
    image = np.zeros((30, 50, 3), np.uint8)
    image[2:6, 4:14] = 200
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, :4, :4] = 255
    return Example(tf.constant(image), tf.constant([30, 50]), tf.constant([[4.0, 2.0, 14.0, 6.0]]), tf.constant([1]),
                   tf.constant(mask), tf.constant([True]), tf.constant("a.png"))


def bright_box(example: Example) -> list[int]:
    ys, xs = np.nonzero(example.image.numpy()[:, :, 0])
    return [int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]


@pytest.mark.parametrize(
    ("change", "box", "quarter"),
    [
        (augment.mirrored, [36, 2, 46, 6], (0, 1)),
        (augment.upside_down, [4, 24, 14, 28], (1, 0)),
        (augment.turned, [24, 4, 28, 14], (0, 1)),  # upper left goes to upper right
    ],
)
def test_change_moves_image_box_and_mask_alike(corner, change, box, quarter):
    changed = change(corner)
    assert changed.boxes.numpy().tolist() == [box]
    assert bright_box(changed) == box
    assert changed.image.shape[:2] == tuple(changed.size.numpy())
    y, x = (4 * side for side in quarter)
    assert (changed.masks.numpy()[0, y : y + 4, x : x + 4] == 255).all()
    assert (changed.masks.numpy() == 255).sum() == 16


def test_four_quarter_turns_are_none(corner):
    turned = corner
    for _ in range(4):
        turned = augment.turned(turned)
    for before, after in zip(corner, turned, strict=True):
        np.testing.assert_array_equal(before, after)


def test_same_seed_gives_the_same_image_and_other_seeds_all_orientations(corner):
    config = TrainingConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True, brightness=0.2)
    first, again = (augment.augment(corner, config, tf.constant([3, 4], tf.int64)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    seeds = [tf.constant([0, number], tf.int64) for number in range(60)]
    corners = {tuple(augment.augment(corner, config, seed).boxes.numpy()[0]) for seed in seeds}
    assert len(corners) == 8


def test_nothing_allowed_changes_nothing(corner):
    same = augment.augment(corner, TrainingConfig(flip_horizontal=False), tf.constant([3, 4], tf.int64))
    for before, after in zip(corner, same, strict=True):
        np.testing.assert_array_equal(before, after)


def test_resized_scales_boxes_with_the_image(corner):
    big = augment.resized(corner, 60, 1000)
    assert big.image.shape == (60, 100, 3)
    assert big.boxes.numpy().tolist() == [[8, 4, 28, 12]]


def test_masks_have_the_size_that_the_pipeline_stores(make_example):
    parsed = examples.parse(make_example("a.png", 32, 32, [(1, (4, 4, 20, 20), True, False)]))
    assert augment.turned(parsed).masks.shape == parsed.masks.shape


@pytest.mark.parametrize(
    ("size", "shape"),
    [((30, 50), (40, 50)), ((50, 30), (50, 40)), ((40, 60), (40, 70)), ((41, 41), (41, 41)), ((40, 40), (40, 50))],
)
def test_image_is_padded_to_the_smallest_shape_that_holds_it(corner, size, shape):
    image = tf.ones([*size, 3], tf.uint8)
    made = augment.padded(corner._replace(image=image, size=tf.constant(size)), ((40, 70), (40, 50)))
    assert made.image.shape[:2] == shape
    assert (made.image.numpy()[: size[0], : size[1]] == 1).all()
    assert made.image.numpy().sum() == size[0] * size[1] * 3
    assert tuple(made.size.numpy()) == size


def test_every_change_together_keeps_shapes_and_follows_the_seed(corner):
    config = TrainingConfig(rotation_degrees=30.0, shear_degrees=5.0, zoom=0.1, shift=0.1, gamma=0.5, noise=0.1,
                            cutout=2)
    first, again = (augment.augment(corner, config, tf.constant([3, 4], tf.int64)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.image.shape == corner.image.shape
    assert (first.image.numpy() != corner.image.numpy()).any()
