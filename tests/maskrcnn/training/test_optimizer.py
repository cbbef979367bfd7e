"""SGD by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.training.optimizer import AdamW, Sgd


def test_momentum_accumulates():
    variable = tf.Variable([1.0], name="a/b")
    optimizer = Sgd([variable], momentum=0.9, weight_decay=0.0, clip_norm=0.0)
    for _ in range(2):
        optimizer.apply([tf.constant([1.0])], tf.constant(0.1))
    np.testing.assert_allclose(variable, [1.0 - 0.1 - 0.1 * 1.9], rtol=1e-6)
    np.testing.assert_allclose(optimizer.named_slots()["a/b/Momentum"], [1.9], rtol=1e-6)


def test_clipping_limits_the_norm_over_all_gradients():
    variables = [tf.Variable([0.0], name="a/W"), tf.Variable([0.0], name="b/W")]
    optimizer = Sgd(variables, momentum=0.0, weight_decay=0.0, clip_norm=1.0)
    norm = optimizer.apply([tf.constant([3.0]), tf.constant([4.0])], tf.constant(1.0))
    assert float(norm) == 5.0
    np.testing.assert_allclose([v.numpy()[0] for v in variables], [-0.6, -0.8], rtol=1e-6)


def test_small_gradients_are_left_alone():
    variable = tf.Variable([0.0], name="a/W")
    Sgd([variable], 0.0, 0.0, clip_norm=1.0).apply([tf.constant([0.5])], tf.constant(1.0))
    assert variable.numpy() == [-0.5]


def test_weight_decay_counts_kernels_only():
    variables = [tf.Variable([3.0, 4.0], name="conv/W"), tf.Variable([100.0], name="conv/b"),
                 tf.Variable([100.0], name="conv/bn/gamma")]
    np.testing.assert_allclose(Sgd(variables, 0.9, 0.1, 0.0).decay_cost(), 0.1 * 0.5 * 25, rtol=1e-6)


def test_adamw_takes_steps_of_the_learning_rate_and_shrinks_kernels_alone():
    kernel, bias = tf.Variable([1.0], name="a/W"), tf.Variable([1.0], name="a/b")
    optimizer = AdamW([kernel, bias], weight_decay=0.5, clip_norm=0.0)
    optimizer.apply([tf.constant([3.0]), tf.constant([-0.01])], tf.constant(0.1))
    np.testing.assert_allclose(kernel, [1.0 * (1 - 0.1 * 0.5) - 0.1], rtol=1e-5)
    np.testing.assert_allclose(bias, [1.0 + 0.1], rtol=1e-5)
    assert float(optimizer.decay_cost()) == 0.0


def test_adamw_goes_on_from_its_slots_as_if_never_stopped():
    """Given three steps at once, and one, a copy, then two more: both end at the same place."""

    def steps(variable, optimizer, gradients):
        for gradient in gradients:
            optimizer.apply([tf.constant([gradient])], tf.constant(0.1))

    straight = tf.Variable([1.0], name="a/W")
    steps(straight, AdamW([straight], 0.1, 0.0), [1.0, -2.0, 0.5])
    before, after = tf.Variable([1.0], name="a/W"), tf.Variable([0.0], name="a/W")
    first, second = AdamW([before], 0.1, 0.0), AdamW([after], 0.1, 0.0)
    steps(before, first, [1.0])
    after.assign(before)
    for name, slot in second.named_slots().items():
        slot.assign(first.named_slots()[name])
    steps(after, second, [-2.0, 0.5])
    assert after.numpy() == straight.numpy()


@pytest.mark.parametrize("make", [lambda v: Sgd(v, 0.9, 0.0, 0.0), lambda v: AdamW(v, 0.0, 0.0)])
def test_reset_optimizer_takes_the_step_of_a_new_one(make):
    used, new = tf.Variable([1.0], name="a/W"), tf.Variable([1.0], name="a/W")
    first, second = make([used]), make([new])
    first.apply([tf.constant([3.0])], tf.constant(0.1))
    first.reset()
    used.assign([1.0])
    for optimizer in (first, second):
        optimizer.apply([tf.constant([-0.5])], tf.constant(0.1))
    np.testing.assert_array_equal(used, new)


def test_weight_decay_of_a_focus_without_kernels_costs_nothing():
    optimizer = Sgd([tf.Variable([3.0], name="a/W"), tf.Variable([3.0], name="a/b")], 0.9, 0.1, 0.0)
    optimizer.focus({"a/b"})
    assert float(optimizer.decay_cost()) == 0.0
