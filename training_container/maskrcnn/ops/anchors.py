"""Anchors: the reference boxes of every feature pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def cell(sizes_px: Sequence[float], ratios: Sequence[float]) -> NDArray[np.float32]:
    """The anchors [sizes * ratios, 4] around the point 0, 0, ratios innermost: area size squared, height / width."""
    sizes, shapes = (grid.ravel() for grid in np.meshgrid(sizes_px, np.asarray(ratios, np.float64), indexing="ij"))
    width = np.sqrt(sizes * sizes / shapes)
    height = width * shapes
    return np.stack([-width, -height, width, height], axis=1).astype(np.float32) * np.float32(0.5)


def grid(shape: tf.Tensor, stride: int, sizes_px: Sequence[float], ratios: Sequence[float]) -> tf.Tensor:
    """All anchors of one level, [height * width * A, 4] in input pixels, row by row, anchor innermost.

    They are centred at k * stride, without a half-stride offset, as in tensorpack.

    Args:
        shape: (height, width) of the feature map.
        stride: Input pixels per feature pixel.
        sizes_px: Square roots of the anchors' areas.
        ratios: Height over width of each anchor.
    """
    y = tf.cast(tf.range(shape[0]) * stride, tf.float32)
    x = tf.cast(tf.range(shape[1]) * stride, tf.float32)
    centre_x, centre_y = tf.meshgrid(x, y)
    centres = tf.stack([centre_x, centre_y, centre_x, centre_y], axis=-1)
    return tf.reshape(centres[:, :, None, :] + cell(sizes_px, ratios), [-1, 4])
