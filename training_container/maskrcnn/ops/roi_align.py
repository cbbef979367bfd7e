"""ROIAlign (He et al. 2017) on a feature pyramid, built on crop_and_resize as tensorpack does."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops

CANONICAL_SIZE_PX, CANONICAL_LEVEL = 224.0, 4  # Lin et al. 2017, equation 1


def level_of(boxes: tf.Tensor, lowest: int = 2, highest: int = 5) -> tf.Tensor:
    """The pyramid level [R] int32 whose resolution fits each box."""
    side = tf.sqrt(box_ops.area(boxes))
    level = tf.floor(CANONICAL_LEVEL + tf.math.log(side / CANONICAL_SIZE_PX + 1e-6) / tf.math.log(2.0))
    return tf.cast(tf.clip_by_value(level, lowest, highest), tf.int32)


def crop(features: tf.Tensor, boxes: tf.Tensor, images: tf.Tensor, size: int) -> tf.Tensor:
    """Bilinear samples at the centres of size x size bins of each box; 0 outside the map.

    Args:
        features: [B, H, W, C].
        boxes: [R, 4] in feature pixels, where the first pixel's centre is at 0.5.
        images: [R] int32, index of the image of each box.
        size: Bins an axis.
    """
    shape = tf.cast(tf.shape(features)[1:3], tf.float32)
    scale = tf.maximum(shape - 1.0, 1.0)
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    bin_x, bin_y = (x2 - x1) / size, (y2 - y1) / size
    first_y, first_x = (y1 + bin_y / 2.0 - 0.5) / scale[0], (x1 + bin_x / 2.0 - 0.5) / scale[1]
    span_y, span_x = bin_y * (size - 1) / scale[0], bin_x * (size - 1) / scale[1]
    corners = tf.stack([first_y, first_x, first_y + span_y, first_x + span_x], 1)
    return tf.image.crop_and_resize(tf.cast(features, tf.float32), tf.stop_gradient(corners), images, [size, size])


def roi_align(features: tf.Tensor, boxes: tf.Tensor, images: tf.Tensor, size: int, samples: int) -> tf.Tensor:
    """Average of samples x samples bilinear samples in each of size x size bins: [R, size, size, C].

    The map is mirrored by one pixel at its border, so that boxes at the edge see no zeros.
    """
    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    crops = crop(padded, boxes + 1.0, images, size * samples)
    return tf.nn.avg_pool2d(crops, samples, samples, "VALID") if samples > 1 else crops


def pyramid_roi_align(levels: Sequence[tf.Tensor], strides: Sequence[int], boxes: tf.Tensor, images: tf.Tensor,
                      size: int, samples: int) -> tf.Tensor:
    """ROIAlign of boxes [R, 4] in input pixels, each on the level that fits it, in the order of the boxes."""
    level = level_of(boxes)
    crops, order = [], []
    for index, (features, stride) in enumerate(zip(levels, strides, strict=True)):
        members = tf.where(level == index + 2)[:, 0]
        order.append(members)
        crops.append(roi_align(features, tf.gather(boxes, members) / stride, tf.gather(images, members),
                               size, samples))
    position = tf.math.invert_permutation(tf.concat(order, 0))
    result = tf.cast(tf.gather(tf.concat(crops, 0), position), levels[0].dtype)
    return tf.ensure_shape(result, [None, size, size, levels[0].shape[-1]])
