"""The doubling of the feature pyramid."""

from __future__ import annotations

import tensorflow as tf
from maskrcnn.model.fpn import upsample


def test_every_pixel_becomes_a_block_and_gathers_the_gradient_of_its_block():
    x = tf.constant([[[[1.0], [2.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = upsample(x)
    assert y[0, :, :, 0].numpy().tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    upstream = tf.constant([[[[1.0], [2.0], [10.0], [20.0]], [[3.0], [4.0], [30.0], [40.0]]]])
    assert tape.gradient(y, x, upstream).numpy().tolist() == [[[[10], [100]]]]
