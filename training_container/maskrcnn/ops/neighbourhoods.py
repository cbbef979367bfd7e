"""What a 3x3 convolution sees at single cells, so that it can be computed for few of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

OFFSETS = (-1, 0, 1)


def gather_3x3(maps: Sequence[tf.Tensor], images: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """The values that a 3x3 kernel with zero padding meets at each cell: [S, 9 * C], row by row, channels innermost.

    Args:
        maps: Feature maps [B, H, W, C], each with its own H and W.
        images: [S] int32, image of each cell.
        cells: [S] int32, cells counted through all maps in turn, row by row.
    """
    batch, channels = tf.shape(maps[0])[0], maps[0].shape[-1]
    heights, widths = (tf.stack([tf.shape(values)[axis] for values in maps]) for axis in (1, 2))
    ends = tf.cumsum(heights * widths)
    level = tf.searchsorted(ends, cells, side="right", out_type=tf.int32)
    height, width = tf.gather(heights, level)[:, None], tf.gather(widths, level)[:, None]
    first = tf.gather(ends, level)[:, None] - height * width
    local = cells[:, None] - first
    offset_y, offset_x = (tf.reshape(part, [1, 9]) for part in tf.meshgrid(OFFSETS, OFFSETS, indexing="ij"))
    y, x = local // width + offset_y, local % width + offset_x
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    place = batch * first + images[:, None] * height * width + y * width + x
    # Map after map and not image after image: then the gradient is cut apart without a copy.
    table = tf.concat([tf.reshape(values, [-1, channels]) for values in maps], 0)
    taken = tf.gather(table, tf.where(inside, place, 0))
    return tf.reshape(tf.where(inside[:, :, None], taken, tf.zeros([], taken.dtype)), [-1, 9 * channels])
