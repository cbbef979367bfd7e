"""Where tiles lie in an image, and what each of them shows whole; pure geometry."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.config import SEAM_PX


class Places(NamedTuple):
    """T tiles of one size that cover an image."""

    boxes: tf.Tensor
    """[T, 4] float32 x1, y1, x2, y2 in the pixels of the resized image."""
    whole: tf.Tensor
    """[T, 4]: a box inside is seen whole by the tile. Ends SEAM_PX before a seam, and never at a border of the image:
    what is cut there is cut for everybody."""


def starts(length: int | tf.Tensor, tile: int | tf.Tensor, overlap: int) -> tf.Tensor:
    """First pixels [n] int32 of the fewest stretches of `tile` pixels that cover `length`, spread evenly.

    Neighbours share at least `overlap` pixels. One that is shorter than a tile is covered by itself.
    """
    rest = tf.maximum(length - tile, 0)
    gaps = -(-rest // (tile - overlap))
    return tf.range(gaps + 1) * rest // tf.maximum(gaps, 1)


def cover(size: tf.Tensor, tile: int, overlap: int) -> Places:
    """Tiles row by row over an image of `size` [2] (height, width); a side below `tile` is one tile's side."""
    rows, columns = (starts(size[axis], tile, overlap) for axis in (0, 1))
    y, x = (tf.reshape(part, [-1]) for part in tf.meshgrid(rows, columns, indexing="ij"))
    height, width = (tf.minimum(tile, size[axis]) for axis in (0, 1))
    boxes = tf.cast(tf.stack([x, y, x + width, y + height], 1), tf.float32)
    image = tf.cast(tf.stack([0, 0, size[1], size[0]]), tf.float32)
    inwards = tf.constant([SEAM_PX, SEAM_PX, -SEAM_PX, -SEAM_PX], tf.float32)
    outwards = -tf.sign(inwards) * tf.float32.max
    return Places(boxes, tf.where(boxes == image, outwards, boxes + inwards))
