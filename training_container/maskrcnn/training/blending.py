"""One object of an image, moved into another one, with soft edges and the light of its new surroundings."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.training import affine
from maskrcnn.training.affine import Motion

FEATHER_PX = 2
"""So many pixels around the object are taken along whole, and as many again fade: a defect's rim belongs to it."""


def blended(image: tf.Tensor, donor: tf.Tensor, box: tf.Tensor, mask: tf.Tensor, motion: Motion) -> tf.Tensor:
    """The image [H, W, 3] uint8 with the object in it.

    Args:
        image: [H, W, 3] uint8.
        donor: [h, w, 3] uint8, shows the object.
        box: [4] of the object in the donor, pixels.
        mask: [S, S] uint8, crop of the object in its box.
        motion: From the donor's pixels to the image's; at least a part of the object arrives inside.
    """
    corners = motion(tf.stack([box[:2], box[2:], box[::3], tf.stack([box[2], box[1]])]))
    extent = tf.cast(tf.stack([tf.shape(image)[1], tf.shape(image)[0]]), tf.float32)
    margin = 2.0 * FEATHER_PX + 1.0
    low, high = (tf.clip_by_value(reach, 0.0, extent) for reach in (
        tf.floor(tf.reduce_min(corners, 0)) - margin, tf.math.ceil(tf.reduce_max(corners, 0)) + margin))
    (left, top), (right, bottom) = tf.unstack(tf.cast(low, tf.int32)), tf.unstack(tf.cast(high, tf.int32))
    shape = tf.stack([bottom - top, right - left])
    local = Motion(motion.matrix, motion.offset - low)
    pixels = affine.moved_pixels(donor, shape, local, "NEAREST")
    window = _mixed(tf.cast(image[top:bottom, left:right], tf.float32), pixels, _cover(box, mask, shape, local))
    rows = tf.concat([image[top:bottom, :left], window, image[top:bottom, right:]], 1)
    return tf.concat([image[:top], rows, image[bottom:]], 0)


def _cover(box: tf.Tensor, mask: tf.Tensor, shape: tf.Tensor, motion: Motion) -> tf.Tensor:
    """How much of each pixel [h, w, 1] the moved object covers: 0 to 1."""
    cell = (box[2:] - box[:2]) / int(mask.shape[0])
    of_cells = Motion(motion.matrix * cell, motion(box[:2]))
    return affine.moved_pixels(mask[..., None], shape, of_cells) / 255.0


def _mixed(under: tf.Tensor, over: tf.Tensor, cover: tf.Tensor) -> tf.Tensor:
    """[h, w, 3] uint8: `over` where it covers, fading around; as bright as `under` is on the fading rim."""
    width = 2 * FEATHER_PX + 1
    soft = tf.nn.avg_pool2d(tf.nn.max_pool2d(cover[None], width, 1, "SAME"), width, 1, "SAME")[0]
    rim = soft * tf.cast(cover < 0.5, tf.float32)
    light = tf.math.divide_no_nan(tf.reduce_sum(rim * (under - over), [0, 1]), tf.reduce_sum(rim))
    mixed = under + soft * (over + light - under)
    return tf.cast(tf.round(tf.clip_by_value(mixed, 0.0, 255.0)), tf.uint8)
