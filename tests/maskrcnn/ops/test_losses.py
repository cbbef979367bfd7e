"""Losses and logged figures on tiny hand-computed arrays."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from maskrcnn.ops import losses


def test_objectness_sums_cross_entropies():
    loss = losses.objectness(tf.zeros([4]), tf.constant([1.0, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(loss, 4 * math.log(2), rtol=1e-6)


def test_focal_objectness_weighs_by_class_and_by_how_wrong_it_is():
    undecided = losses.focal_objectness(tf.zeros([2]), tf.constant([1.0, 0.0]))
    np.testing.assert_allclose(undecided, (0.25 + 0.75) * 0.5**2 * math.log(2), rtol=1e-6)
    easy = float(losses.focal_objectness(tf.constant([-6.0]), tf.constant([0.0])))
    hard = float(losses.focal_objectness(tf.constant([6.0]), tf.constant([0.0])))
    assert hard / easy > 1e6


def test_rpn_box_loss_is_linear_above_a_ninth_and_quadratic_below():
    # Huber with delta 1/9 divided by delta: 1 - delta / 2 and d^2 / (2 delta).
    np.testing.assert_allclose(losses.rpn_box(tf.constant([[0.0, 0.0, 0.0, 1.0]]), tf.zeros([1, 4])), 1 - 1 / 18,
                               rtol=1e-6)
    np.testing.assert_allclose(losses.rpn_box(tf.fill([1, 4], 0.1), tf.zeros([1, 4])), 4 * 0.5 * 0.01 * 9, rtol=1e-5)


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


def test_box_loss_as_huber_is_quadratic_up_to_one():
    figures = losses.box_head(tf.zeros([2, 2]), tf.constant([1, 0]), tf.constant([[0.5, -0.5, 3.0, 0.0]]),
                              tf.zeros([1, 4]), regression="huber")
    np.testing.assert_allclose(figures["box_loss"], (0.125 + 0.125 + 2.5) / 2, rtol=1e-6)
