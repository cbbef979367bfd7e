"""Batch norm over the joint batch of all replicas (SyncBN; Peng et al. 2018, MegDet, section 3.3)."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.distribution import replicas


def normalized(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor,
               epsilon: float) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalise [N, H, W, C] by the mean and the variance of every replica's pixels together.

    One message carries sum, sum of squares and number of pixels, in float32. As tf.nn's fused batch norm does on one
    device, the variance that is given back, for the running statistics, is the unbiased one.

    Returns:
        The result in the type of x, the mean [C] and the variance [C].
    """
    channels = x.shape[-1]
    pixels = tf.cast(x, tf.float32)
    number = tf.cast(tf.size(x) // channels, tf.float32)
    own = tf.concat([tf.reduce_sum(pixels, [0, 1, 2]), tf.reduce_sum(tf.square(pixels), [0, 1, 2]), number[None]], 0)
    sums, squares, number = tf.split(replicas.total(own), [channels, channels, 1])
    mean = sums / number
    variance = tf.maximum(squares / number - tf.square(mean), 0.0)
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    shift = beta - mean * scale
    y = x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)
    return y, tf.stop_gradient(mean), tf.stop_gradient(variance * number / tf.maximum(number - 1.0, 1.0))
