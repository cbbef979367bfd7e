"""Changes of the pixels: their ranges, and that the seed alone decides."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.training import photometric
from maskrcnn.training.config import TrainingConfig

GREY = tf.fill([40, 60, 3], tf.constant(64, tf.uint8))


def changed(number: int, **options) -> np.ndarray:
    return photometric.changed(GREY, TrainingConfig(**options), tf.constant([3, number], tf.int64)).numpy()


def test_gamma_stays_between_both_powers_and_reaches_out_to_them():
    values = [changed(number, gamma=1.0) for number in range(40)]
    assert all((image == image[0, 0, 0]).all() for image in values)
    greys = [int(image[0, 0, 0]) for image in values]
    assert min(greys) >= 16  # 255 * (64 / 255) ** 2
    assert max(greys) <= 128  # 255 * (64 / 255) ** 0.5
    assert min(greys) < 25 < 110 < max(greys)


def test_noise_has_at_most_its_deviation_and_no_bias():
    images = [changed(number, noise=0.1).astype(float) for number in range(20)]
    deviations = [image.std() for image in images]
    assert max(deviations) == pytest.approx(25.5, rel=0.15)
    assert min(deviations) < 8
    assert np.mean(images) == pytest.approx(64, abs=1.0)


def test_blur_spreads_an_edge_by_its_deviation_and_keeps_the_rest():
    """Given a step from 0 to 200, then its slope is that of a Gaussian of at most the deviation asked for."""
    step = np.zeros((20, 41, 3), np.uint8)
    step[:, 20:] = 200
    deviations = []
    for number in range(30):
        made = photometric.changed(tf.constant(step), TrainingConfig(blur=2.0), tf.constant([3, number], tf.int64))
        row = made.numpy()[10, :, 0].astype(float)
        np.testing.assert_array_equal(made.numpy(), np.broadcast_to(row.astype(np.uint8)[None, :, None], step.shape))
        assert (row[0], row[-1]) == (0, 200)
        slope = np.diff(row) / 200
        deviations.append(np.sqrt((slope * (np.arange(40) - 19.0) ** 2).sum()))
        assert (slope * np.arange(40)).sum() == pytest.approx(19, abs=0.05)  # the edge stays where it is
    assert max(deviations) == pytest.approx(2.0, abs=0.2)
    assert min(deviations) < 0.4


def test_blur_is_the_same_along_both_sides():
    image = tf.constant(np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8))
    config, seed = TrainingConfig(blur=1.5), tf.constant([3, 5], tf.int64)
    turned = photometric.changed(tf.transpose(image, [1, 0, 2]), config, seed)
    np.testing.assert_allclose(turned.numpy().astype(int),
                               np.transpose(photometric.changed(image, config, seed), [1, 0, 2]), atol=1)


def test_cutout_blanks_squares_of_its_size_and_no_more_than_asked_for():
    blanked = [(changed(number, cutout=3)[:, :, 0] != 64).sum() for number in range(30)]
    assert min(blanked) == 0
    assert 4 < max(blanked) <= 3 * 5 * 5  # a tenth of 40 pixels, and one for the edge


def test_same_seed_gives_the_same_pixels():
    options = {"gamma": 0.5, "blur": 1.0, "noise": 0.1, "cutout": 4}
    np.testing.assert_array_equal(changed(1, **options), changed(1, **options))
    assert (changed(1, **options) != changed(2, **options)).any()
    assert photometric.wanted(TrainingConfig(cutout=1))
    assert not photometric.wanted(TrainingConfig())
