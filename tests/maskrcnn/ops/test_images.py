"""Sizes and normalisation of images."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.ops import images

PIXELS = {"mean": (123.675, 116.28, 103.53), "deviation": (58.395, 57.12, 57.375)}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((600, 900), (800, 1200)), ((900, 600), (1200, 800)), ((400, 1000), (533, 1333)), ((800, 800), (800, 800))],
)
def test_short_edge_first_then_the_long_edge_must_fit(shape, expected):
    assert tuple(images.resized_shape(tf.constant(shape), 800, 1333).numpy()) == expected


def test_normalize_centres_by_channel_and_pads_to_a_multiple_of_32_with_the_mean():
    image = tf.constant(np.full((1, 30, 33, 3), 200, np.uint8))
    result = images.normalize(image, tf.constant([[30, 33]]), tf.float32, multiple=32, **PIXELS).numpy()
    assert result.shape == (1, 32, 64, 3)
    np.testing.assert_allclose(result[0, 0, 0], (200 - np.array([123.675, 116.28, 103.53])) / [58.395, 57.12, 57.375],
                               rtol=1e-5)
    assert (result[:, 30:] == 0).all()
    assert (result[:, :, 33:] == 0).all()


def test_normalize_blanks_what_lies_beyond_each_images_own_size():
    batch = tf.constant(np.full((2, 32, 32, 3), 255, np.uint8))
    sizes = tf.constant([[32, 32], [10, 20]])
    result = images.normalize(batch, sizes, tf.float32, multiple=1, **PIXELS).numpy()
    assert (result[0] != 0).all()
    assert (result[1, 10:] == 0).all()
    assert (result[1, :, 20:] == 0).all()
    assert (result[1, :10, :20] != 0).all()
