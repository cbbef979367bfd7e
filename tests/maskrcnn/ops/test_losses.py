"""Losses and logged figures on tiny hand-computed arrays."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from maskrcnn.ops import losses


def test_rpn_loss_sums_over_samples_and_divides_by_the_wanted_number():
    label_loss, box_loss = losses.rpn(
        tf.zeros([4]), tf.constant([1.0, 0.0, 0.0, 0.0]), tf.constant([[0.0, 0.0, 0.0, 1.0]]), tf.zeros([1, 4]), 8.0
    )
    np.testing.assert_allclose(label_loss, 4 * math.log(2) / 8, rtol=1e-6)
    # Huber with delta 1/9 divided by delta: linear part, 1 - delta / 2.
    np.testing.assert_allclose(box_loss, (1 - 1 / 18) / 8, rtol=1e-6)


def test_rpn_box_loss_is_quadratic_below_a_ninth():
    _, box_loss = losses.rpn(tf.zeros([0]), tf.zeros([0]), tf.fill([1, 4], 0.1), tf.zeros([1, 4]), 1.0)
    np.testing.assert_allclose(box_loss, 4 * 0.5 * 0.01 * 9, rtol=1e-5)


def test_box_head_figures():
    # Background right, class 1 right, class 2 taken for background, class 2 taken for class 1.
    logits = tf.constant([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    figures = losses.box_head(logits, tf.constant([0, 1, 2, 2]), tf.fill([3, 4], 0.5), tf.zeros([3, 4]))
    values = {name: float(value) for name, value in figures.items()}
    assert values["num_fg_label"] == 3
    np.testing.assert_allclose(values["label_metrics/accuracy"], 0.5)
    np.testing.assert_allclose(values["label_metrics/fg_accuracy"], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(values["label_metrics/false_negative"], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(values["box_loss"], 3 * 4 * 0.5 / 4)
    np.testing.assert_allclose(values["label_loss"], (2 * 9) / 4, rtol=1e-3)


def test_box_head_without_foreground_is_finite():
    figures = losses.box_head(tf.zeros([2, 3]), tf.constant([0, 0]), tf.zeros([0, 4]), tf.zeros([0, 4]))
    assert all(np.isfinite(float(value)) for value in figures.values())
    assert float(figures["box_loss"]) == 0.0


def test_mask_head_figures():
    logits = tf.constant([[[5.0, -5.0], [5.0, -5.0]]])
    targets = tf.constant([[[1.0, 1.0], [0.0, 0.0]]])
    values = {name: float(value) for name, value in losses.mask_head(logits, targets).items()}
    assert values["accuracy"] == 0.5
    assert values["pos_accuracy"] == 0.25
    assert values["fg_pixel_ratio"] == 0.5
    np.testing.assert_allclose(values["maskrcnn_loss"], 2.5 + math.log1p(math.exp(-5)), rtol=1e-5)


def test_mask_head_without_masks_costs_nothing():
    values = losses.mask_head(tf.zeros([0, 28, 28]), tf.zeros([0, 28, 28]))
    assert {float(value) for value in values.values()} == {0.0}
