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


def test_cutout_blanks_squares_of_its_size_and_no_more_than_asked_for():
    blanked = [(changed(number, cutout=3)[:, :, 0] != 64).sum() for number in range(30)]
    assert min(blanked) == 0
    assert 4 < max(blanked) <= 3 * 5 * 5  # a tenth of 40 pixels, and one for the edge


def test_same_seed_gives_the_same_pixels():
    options = {"gamma": 0.5, "noise": 0.1, "cutout": 4}
    np.testing.assert_array_equal(changed(1, **options), changed(1, **options))
    assert (changed(1, **options) != changed(2, **options)).any()
    assert photometric.wanted(TrainingConfig(cutout=1))
    assert not photometric.wanted(TrainingConfig())
