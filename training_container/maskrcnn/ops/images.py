"""Images: resizing by the short edge, and normalisation with padding for the network."""

from __future__ import annotations

import tensorflow as tf

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""Of ImageNet, RGB, as in tensorpack."""
MULTIPLE = 32
"""Both sides are padded to a multiple of the coarsest backbone stride."""


def resized_shape(shape: tf.Tensor, short_edge_px: int, max_size_px: int) -> tf.Tensor:
    """(height, width) int32 after scaling the short edge to short_edge_px, or less if the long one would not fit."""
    sides = tf.cast(shape, tf.float32)
    scale = tf.minimum(short_edge_px / tf.reduce_min(sides), max_size_px / tf.reduce_max(sides))
    return tf.maximum(tf.cast(sides * scale + 0.5, tf.int32), 1)


def resize(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Bilinear with half-pixel centres, [H, W, 3] uint8 -> [height, width, 3] uint8."""
    resized = tf.image.resize(image, shape)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)


def normalize(images: tf.Tensor, sizes: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Centre and scale RGB images, and pad with the mean colour to sides that are multiples of 32.

    Args:
        images: [B, H, W, 3], 0 to 255.
        sizes: [B, 2] int32, (height, width) of each image; what lies beyond becomes the mean colour.
        dtype: Type of the result.
    """
    shape = tf.shape(images)[1:3]
    values = (tf.cast(images, tf.float32) - tf.constant(PIXEL_MEAN)) / tf.constant(PIXEL_STD)
    rows = tf.sequence_mask(sizes[:, 0], shape[0])[:, :, None, None]
    columns = tf.sequence_mask(sizes[:, 1], shape[1])[:, None, :, None]
    values = tf.where(rows & columns, values, 0.0)
    missing = -shape % MULTIPLE
    return tf.cast(tf.pad(values, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]]), dtype)
