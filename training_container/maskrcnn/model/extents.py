"""Images of different sizes in one batch: what belongs to each, so that it sees what it would see alone."""

from __future__ import annotations

import math

import tensorflow as tf

MULTIPLE = 32
"""Both sides of an image are padded to a multiple of the coarsest stride of the backbone."""


class Extents:
    """The part of a padded batch that each image would have alone, on any feature map.

    An image alone is padded to a multiple of 32; in a batch it has the padding of the largest one too. There a
    convolution's bias makes something of nothing, which 3x3 kernels and group norms would let into the image.
    It costs some time, so it is for batches whose images differ; SyncBN's statistics are the whole batch's anyway.

    Args:
        sizes: [B, 2] int32 height and width of each image.
        total: [2] int32 height and width of the batch, multiples of 32.
    """

    def __init__(self, sizes: tf.Tensor, total: tf.Tensor) -> None:
        self.sizes = sizes + -sizes % MULTIPLE
        self.total = total

    @classmethod
    def of(cls, images: tf.Tensor, sizes: tf.Tensor) -> Extents:
        """Those of a batch [B, H, W, 3] that will be padded to multiples of 32."""
        shape = tf.shape(images)[1:3]
        return cls(sizes, shape + -shape % MULTIPLE)

    @property
    def uniform(self) -> tf.Tensor:
        """Whether no image has more padding than it would have alone."""
        return tf.reduce_all(self.sizes == self.total)

    def valid(self, x: tf.Tensor) -> tf.Tensor:
        """Rows and columns [B, 2] of a map [B, H, W, C] that belong to each image."""
        ratio = tf.cast(self.total / tf.shape(x)[1:3], tf.float32)
        exponent = tf.math.ceil(tf.math.log(ratio) / math.log(2.0) - 1e-4)  # p6 keeps a last odd pixel of p5
        stride = tf.cast(tf.round(2.0**exponent), tf.int32)
        return -(-self.sizes // stride)

    def blank(self, x: tf.Tensor) -> tf.Tensor:
        """Zeros beyond each image, as the padding of a convolution would see them."""
        shape, valid = tf.shape(x), self.valid(x)
        rows = tf.sequence_mask(valid[:, 0], shape[1])[:, :, None, None]
        columns = tf.sequence_mask(valid[:, 1], shape[2])[:, None, :, None]
        return tf.where(rows & columns, x, tf.zeros([], x.dtype))

    def repeat_edge(self, x: tf.Tensor) -> tf.Tensor:
        """The last row and column of each image again beyond it, as ROIAlign mirrors the border of a map."""
        shape, valid = tf.shape(x), self.valid(x)
        rows = tf.minimum(tf.range(shape[1]), valid[:, :1] - 1)
        columns = tf.minimum(tf.range(shape[2]), valid[:, 1:] - 1)
        return tf.gather(tf.gather(x, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

    def share(self, x: tf.Tensor) -> tf.Tensor:
        """Pixels of the map over those of each image, [B, 1]: makes of a mean over the map one over the image."""
        valid, shape = self.valid(x), tf.shape(x)
        return tf.cast(shape[1] * shape[2], tf.float32) / tf.cast(valid[:, :1] * valid[:, 1:], tf.float32)

    def holds(self, image: int, anchors: tf.Tensor) -> tf.Tensor:
        """Whether the pixels of anchors [N, 4] belong to one of the images: [N] bool."""
        centres = (anchors[:, 1::-1] + anchors[:, :1:-1]) / 2.0
        return tf.reduce_all(centres < tf.cast(self.sizes[image], tf.float32) - 0.5, 1)
