"""The RPN head at single anchors against the head on whole levels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import RpnConfig
from maskrcnn.model.rpn import RpnHead

ANCHORS = 3


@pytest.fixture
def head() -> RpnHead:
    tf.random.set_seed(1)
    made = RpnHead(4, 6, ANCHORS, RpnConfig())
    for variable in made.trainable_variables:
        variable.assign(tf.random.normal(variable.shape))
    return made


def test_values_and_gradients_are_those_of_the_whole_levels(head):
    levels = [tf.random.normal([2, 3, 5, 4]), tf.random.normal([2, 2, 3, 4])]
    images, anchors = tf.constant([0, 0, 1, 1, 1]), tf.constant([0, 44, 17, 45, 62])
    watched = [*levels, *head.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(levels)
        outputs = [head(level) for level in levels]
        pairs = tf.stack([images, anchors], 1)
        logits = tf.gather_nd(tf.concat([output.logits for output in outputs], 1), pairs)
        deltas = tf.gather_nd(tf.concat([output.deltas for output in outputs], 1), pairs)
        whole = tf.reduce_sum(tf.sin(logits)) + tf.reduce_sum(tf.sin(deltas))
        single_logits, single_deltas = head.at(levels, images, anchors)
        single = tf.reduce_sum(tf.sin(single_logits)) + tf.reduce_sum(tf.sin(single_deltas))
    np.testing.assert_allclose(single_logits, logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(single_deltas, deltas, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(tape.gradient(single, watched), tape.gradient(whole, watched), strict=True):
        assert np.abs(theirs).max() > 0.0
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_no_anchor_is_no_answer(head):
    none = tf.zeros([0], tf.int32)
    logits, deltas = head.at([tf.zeros([1, 2, 2, 4])], none, none)
    assert logits.shape == (0,)
    assert deltas.shape == (0, 4)
