"""Anchors: the reference boxes of every feature pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def cell(size_px: float, ratios: Sequence[float]) -> NDArray[np.float32]:
    """The anchors [A, 4] around the point 0, 0: area size_px squared, ratio = height / width."""
    width = np.sqrt(size_px * size_px / np.asarray(ratios, np.float64))
    height = width * np.asarray(ratios, np.float64)
    return np.stack([-width, -height, width, height], axis=1).astype(np.float32) * np.float32(0.5)


def grid(shape: tf.Tensor, stride: int, size_px: float, ratios: Sequence[float]) -> tf.Tensor:
    """All anchors of one level, [height * width * A, 4] in input pixels, row by row, anchor innermost.

    They are centred at k * stride, without a half-stride offset, as in tensorpack.

    Args:
        shape: (height, width) of the feature map.
        stride: Input pixels per feature pixel.
        size_px: Square root of the anchors' area.
        ratios: Height over width of each anchor.
    """
    y = tf.cast(tf.range(shape[0]) * stride, tf.float32)
    x = tf.cast(tf.range(shape[1]) * stride, tf.float32)
    centre_x, centre_y = tf.meshgrid(x, y)
    centres = tf.stack([centre_x, centre_y, centre_x, centre_y], axis=-1)
    return tf.reshape(centres[:, :, None, :] + cell(size_px, ratios), [-1, 4])
