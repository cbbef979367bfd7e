"""Random changes of the pixels that leave every object where it is."""

from __future__ import annotations

import math

import tensorflow as tf

from maskrcnn.training.config import TrainingConfig

CUTOUT_SIDES = (0.05, 0.10)
"""Sides of the blanked squares as shares of the image's (DeVries and Taylor 2017)."""


def wanted(config: TrainingConfig) -> bool:
    """Whether the configuration asks for any of them."""
    return bool(config.gamma or config.blur or config.noise or config.cutout)


def changed(image: tf.Tensor, config: TrainingConfig, seed: tf.Tensor) -> tf.Tensor:
    """Gamma, blur, noise and cutout on an image [H, W, 3] uint8; decided by `seed` [2]."""
    chance = tf.random.stateless_uniform([2], seed)
    pixels = tf.cast(image, tf.float32)
    if config.gamma:
        # A table of the 256 values: powers of every pixel would cost more than all the rest.
        exponent = tf.exp((chance[0] * 2.0 - 1.0) * math.log(1.0 + config.gamma))
        powers = 255.0 * (tf.range(256, dtype=tf.float32) / 255.0) ** exponent
        pixels = tf.gather(powers, tf.cast(image, tf.int32))
    if config.blur:
        deviation = tf.random.stateless_uniform([], _folded(seed, 3)) * config.blur
        pixels = _blurred(pixels, deviation, math.ceil(2.5 * config.blur))
    if config.noise:
        grain = tf.random.stateless_normal(tf.shape(pixels), _folded(seed, 1))
        pixels += grain * chance[1] * config.noise * 255.0
    if config.cutout:
        pixels = _cut_out(pixels, config.cutout, _folded(seed, 2))
    return tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), tf.uint8)


def _blurred(pixels: tf.Tensor, deviation: tf.Tensor, reach: int) -> tf.Tensor:
    """Gaussian blur of [H, W, 3]: the kernel ends `reach` pixels, two and a half deviations, from its middle."""
    away = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (away / tf.maximum(deviation, 1e-3)) ** 2)
    kernel = tf.tile((weights / tf.reduce_sum(weights))[:, None, None, None], [1, 1, 3, 1])
    wide = tf.pad(pixels, [[reach, reach], [reach, reach], [0, 0]], "SYMMETRIC")[None]
    rows = tf.nn.depthwise_conv2d(wide, kernel, [1] * 4, "VALID")
    return tf.nn.depthwise_conv2d(rows, tf.transpose(kernel, [1, 0, 2, 3]), [1] * 4, "VALID")[0]


def _cut_out(pixels: tf.Tensor, most: int, seed: tf.Tensor) -> tf.Tensor:
    """Up to `most` squares, each of one random grey."""
    chance = tf.random.stateless_uniform([most, 4], seed)
    count = tf.cast(tf.random.stateless_uniform([], _folded(seed, 1)) * (most + 1), tf.int32)
    extent = tf.cast(tf.shape(pixels)[:2], tf.float32)
    low, high = CUTOUT_SIDES
    grey = tf.fill(tf.shape(pixels)[:2], -1.0)
    for index in range(most):
        top, left = chance[index, 0] * extent[0], chance[index, 1] * extent[1]
        side = (low + chance[index, 2] * (high - low)) * tf.reduce_min(extent)
        rows = tf.abs(tf.range(extent[0]) - top) * 2.0 < side
        columns = tf.abs(tf.range(extent[1]) - left) * 2.0 < side
        blank = rows[:, None] & columns[None] & (index < count)
        grey = tf.where(blank, chance[index, 3] * 255.0, grey)
    return tf.where(grey[..., None] >= 0.0, grey[..., None], pixels)


def _folded(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)
