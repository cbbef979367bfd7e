"""ROIAlign on feature maps whose values say where they are."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.ops import roi_align

INDEX = tf.zeros([1], tf.int32)


def ramp(height: int, width: int) -> tf.Tensor:
    """[1, H, W, 2]: channel 0 is the x, channel 1 the y of a pixel's centre."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return tf.constant(np.stack([x, y], -1)[None], tf.float32)


def test_crop_samples_bin_centres():
    crop = roi_align.crop(ramp(8, 8), tf.constant([[2.0, 1.0, 6.0, 5.0]]), INDEX, 2)[0]
    assert crop[..., 0].numpy().tolist() == [[3, 5], [3, 5]]
    assert crop[..., 1].numpy().tolist() == [[2, 2], [4, 4]]


def test_crop_of_whole_pixels_returns_the_pixels():
    features = ramp(6, 6)
    np.testing.assert_allclose(
        roi_align.crop(features, tf.constant([[1.0, 2.0, 4.0, 5.0]]), INDEX, 3)[0], features[0, 2:5, 1:4]
    )


@pytest.mark.parametrize("samples", [1, 2])
def test_roi_align_of_a_linear_map_gives_the_bin_centres(samples):
    pooled = roi_align.roi_align(ramp(8, 8), tf.constant([[1.0, 1.0, 7.0, 4.0]]), INDEX, 3, samples)[0]
    np.testing.assert_allclose(pooled[0, :, 0], [2.0, 4.0, 6.0], rtol=1e-5)
    np.testing.assert_allclose(pooled[:, 0, 1], [1.5, 2.5, 3.5], rtol=1e-5)


def test_roi_align_mirrors_the_border_instead_of_reading_zeros():
    pooled = roi_align.roi_align(tf.ones([1, 4, 4, 1]), tf.constant([[0.0, 0.0, 4.0, 4.0]]), INDEX, 7, 2)
    np.testing.assert_allclose(pooled, np.ones((1, 7, 7, 1)), rtol=1e-6)


@pytest.mark.parametrize(("side", "level"), [(10, 2), (56, 2), (112, 3), (223, 3), (224, 4), (448, 5), (4000, 5)])
def test_level_follows_equation_1_of_the_fpn_paper(side, level):
    assert roi_align.level_of(tf.constant([[0.0, 0.0, side, side]])).numpy().tolist() == [level]


def test_pyramid_returns_crops_in_the_order_of_the_boxes():
    levels = [tf.fill([2, 512 // s, 512 // s, 1], float(s)) for s in (4, 8, 16, 32)]
    levels = [tf.concat([level[:1], level[1:] + 0.5], 0) for level in levels]
    boxes = tf.constant([[0.0, 0, 500, 500], [0, 0, 20, 20], [0, 0, 230, 230], [0, 0, 120, 120]])
    pooled = roi_align.pyramid_roi_align(levels, (4, 8, 16, 32), boxes, tf.constant([0, 1, 0, 1]), 2, 1)
    assert pooled[:, 0, 0, 0].numpy().tolist() == [32.0, 4.5, 16.0, 8.5]


def test_pyramid_without_boxes_is_empty():
    levels = [tf.ones([1, 64 // s, 64 // s, 3]) for s in (4, 8, 16, 32)]
    pooled = roi_align.pyramid_roi_align(levels, (4, 8, 16, 32), tf.zeros([0, 4]), tf.zeros([0], tf.int32), 7, 2)
    assert pooled.shape == (0, 7, 7, 3)


def test_gradient_keeps_its_sum():
    """Bilinear weights add up to one, also for a box at the border or without area; one box, so one thread."""
    features = tf.zeros([1, 6, 6, 1])
    upstream = tf.constant(np.random.default_rng(0).normal(size=(1, 3, 3, 1)), tf.float32)
    for box in ([0.0, 0.0, 6.0, 6.0], [1.5, 6.0, 4.2, 6.0], [4.0, 2.0, 6.0, 3.0]):
        with tf.GradientTape() as tape:
            tape.watch(features)
            pooled = roi_align.roi_align(features, tf.constant([box]), INDEX, 3, 2)
        gradient = tape.gradient(pooled, features, output_gradients=upstream)
        np.testing.assert_allclose(tf.reduce_sum(gradient), tf.reduce_sum(upstream), rtol=1e-4)
