"""Images: resizing by the short edge, and normalisation with padding for the network."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def resized_shape(shape: tf.Tensor, short_edge_px: int | tf.Tensor, max_size_px: int | tf.Tensor) -> tf.Tensor:
    """(height, width) int32 after scaling the short edge to short_edge_px, or less if the long one would not fit."""
    sides = tf.cast(shape, tf.float32)
    short, longest = (tf.cast(edge, tf.float32) for edge in (short_edge_px, max_size_px))
    scale = tf.minimum(short / tf.reduce_min(sides), longest / tf.reduce_max(sides))
    return tf.maximum(tf.cast(sides * scale + 0.5, tf.int32), 1)


def resize(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Bilinear with half-pixel centres, [H, W, 3] uint8 -> [height, width, 3] uint8."""
    resized = tf.image.resize(image, shape)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)


def normalize(images: tf.Tensor, sizes: tf.Tensor, dtype: tf.DType, *, mean: Sequence[float],
              deviation: Sequence[float], multiple: int) -> tf.Tensor:
    """Centre and scale RGB images, and pad them with the mean colour.

    Args:
        images: [B, H, W, 3], 0 to 255.
        sizes: [B, 2] int32, (height, width) of each image; what lies beyond becomes the mean colour.
        dtype: Type of the result.
        mean: Of R, G and B, 0 to 255.
        deviation: What R, G and B are divided by then.
        multiple: Both sides are padded at the end to multiples of this, as a feature pyramid needs it.
    """
    shape = tf.shape(images)[1:3]
    values = (tf.cast(images, tf.float32) - tf.constant(mean, tf.float32)) / tf.constant(deviation, tf.float32)
    rows = tf.sequence_mask(sizes[:, 0], shape[0])[:, :, None, None]
    columns = tf.sequence_mask(sizes[:, 1], shape[1])[:, None, :, None]
    values = tf.where(rows & columns, values, 0.0)
    missing = -shape % multiple
    return tf.cast(tf.pad(values, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]]), dtype)


def at_least(images: tf.Tensor, side: int) -> tf.Tensor:
    """Pad images [B, H, W, C] with zeros at the end to at least `side` pixels in both directions."""
    missing = tf.maximum(side - tf.shape(images)[1:3], 0)
    return tf.pad(images, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
