"""Random rotation, shear, zoom and shift of an image with its boxes and masks.

Coordinates are continuous: the centre of pixel i is i + 0.5. A point p goes to matrix (p - centre) + centre + shift.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.examples import Example

MIN_VISIBLE = 0.3
"""Share of an object that must stay in the image; with less it is left out."""
SOLID = 128
"""Cells of a mask crop from here on (of 255) are object."""


class Motion(NamedTuple):
    """An affine map of the plane."""

    matrix: tf.Tensor
    """[2, 2], on columns (x, y)."""
    offset: tf.Tensor
    """[2] (x, y): what is added to matrix p."""

    def inverse(self) -> Motion:
        """The way back."""
        matrix = tf.linalg.inv(self.matrix)
        return Motion(matrix, -tf.linalg.matvec(matrix, self.offset))

    def __call__(self, points: tf.Tensor) -> tf.Tensor:
        """Move points [..., 2] (x, y)."""
        return tf.einsum("ij,...j->...i", self.matrix, points) + self.offset


def wanted(config: TrainingConfig) -> bool:
    """Whether the configuration moves images at all."""
    return bool(config.rotation_degrees or config.shear_degrees or config.zoom or config.shift)


def random_motion(size: tf.Tensor, config: TrainingConfig, seed: tf.Tensor) -> Motion:
    """A motion about the centre of an image of this size [2] (height, width), decided by `seed` [2]."""
    chance = tf.random.stateless_uniform([6], seed, -1.0, 1.0)
    angle = chance[0] * math.radians(config.rotation_degrees)
    slant = tf.tan(chance[1] * math.radians(config.shear_degrees))
    zoom = 1.0 + chance[2:4] * config.zoom
    cos, sin = tf.cos(angle), tf.sin(angle)
    turn = tf.stack([tf.stack([cos, -sin]), tf.stack([sin, cos])])
    shear = tf.stack([tf.stack([1.0, slant]), tf.stack([0.0, 1.0])])
    matrix = turn @ shear @ tf.linalg.diag(zoom)
    extent = tf.cast(size[::-1], tf.float32)
    centre = extent / 2.0
    return Motion(matrix, centre + chance[4:6] * config.shift * extent - tf.linalg.matvec(matrix, centre))


def moved(example: Example, motion: Motion) -> Example:
    """The example after the motion: black where nothing was; objects that mostly left the image are left out."""
    image = tf.cast(tf.round(moved_pixels(example.image, example.size, motion)), tf.uint8)
    boxes, masks, visible = moved_objects(example, motion)
    keep = (visible >= MIN_VISIBLE) & tf.reduce_all(boxes[:, 2:] - boxes[:, :2] >= 1.0, 1)
    boxes, masks, ids, has_mask = (
        tf.boolean_mask(part, keep) for part in (boxes, masks, example.class_ids, example.has_mask))
    return example._replace(image=image, boxes=boxes, masks=masks, class_ids=ids, has_mask=has_mask)


def moved_pixels(image: tf.Tensor, size: tf.Tensor, motion: Motion, beyond: str = "CONSTANT") -> tf.Tensor:
    """[height, width, C] float32 of size [2] (height, width): pixels [H, W, C] after the motion, bilinear.

    Beyond the image there is black, or with `beyond` NEAREST the colour of its border.
    """
    back = motion.inverse()
    half = tf.constant([0.5, 0.5])
    offset = back(half) - half  # the operation counts from the centre of the first pixel
    a, b = back.matrix, offset
    row = tf.stack([a[0, 0], a[0, 1], b[0], a[1, 0], a[1, 1], b[1], 0.0, 0.0])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[None], transforms=row[None], output_shape=size, fill_value=0.0,
        interpolation="BILINEAR", fill_mode=beyond)[0]


def moved_objects(example: Example, motion: Motion) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Boxes [G, 4], masks [G, S, S] uint8 and visible shares [G] of all objects after the motion, within the image."""
    boxes, visible = _moved_boxes(example, motion)
    return boxes, moved_masks(example.masks, example.boxes, boxes, motion.inverse()), visible


def cells(boxes: tf.Tensor, side: int) -> tf.Tensor:
    """Centres [G, side, side, 2] (x, y) of the cells of each box."""
    steps = (tf.range(side, dtype=tf.float32) + 0.5) / side
    grid = tf.stack(tf.meshgrid(steps, steps), -1)
    return boxes[:, None, None, :2] + grid * (boxes[:, 2:] - boxes[:, :2])[:, None, None, :]


def _moved_boxes(example: Example, motion: Motion) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes [G, 4] around what is seen of each object, and the share of it [G] that is seen."""
    side = int(example.masks.shape[1])
    centres = motion(cells(example.boxes, side))
    solid = example.masks >= SOLID
    # An object without a mask, or too thin for one, is its box.
    solid |= ~tf.reduce_any(solid, [1, 2], keepdims=True)
    extent = tf.cast(example.size[::-1], tf.float32)
    inside = solid & tf.reduce_all((centres >= 0.0) & (centres <= extent), -1)
    far = tf.float32.max
    low = tf.reduce_min(tf.where(inside[..., None], centres, far), [1, 2])
    high = tf.reduce_max(tf.where(inside[..., None], centres, -far), [1, 2])
    cell = (example.boxes[:, 2:] - example.boxes[:, :2]) / side
    reach = tf.einsum("ij,gj->gi", tf.abs(motion.matrix), cell) / 2.0
    boxes = box_ops.clip(tf.concat([low - reach, high + reach], 1), example.size)
    counts = (tf.reduce_sum(tf.cast(part, tf.float32), [1, 2]) for part in (inside, solid))
    return boxes, tf.math.divide_no_nan(*counts)


def moved_masks(masks: tf.Tensor, before: tf.Tensor, after: tf.Tensor, back: Motion) -> tf.Tensor:
    """Mask crops [G, S, S] uint8 of the new boxes, read bilinearly from the crops of the old ones."""
    side = int(masks.shape[1])
    points = back(cells(after, side)) - before[:, None, None, :2]
    scale = side / tf.maximum(before[:, 2:] - before[:, :2], 1e-6)
    # One row and column of zeros around, so that what lies outside of the old box is read as nothing.
    padded = tf.pad(tf.cast(masks, tf.float32), [[0, 0], [1, 1], [1, 1]])
    position = tf.clip_by_value(points * scale[:, None, None, :] + 0.5, 0.0, side + 1.0 - 1e-3)
    corner = tf.floor(position)
    x, y = tf.unstack(tf.cast(corner, tf.int32), axis=-1)
    dx, dy = tf.unstack(position - corner, axis=-1)

    def read(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(padded, tf.stack([rows, columns], -1), batch_dims=1)

    top = read(y, x) * (1.0 - dx) + read(y, x + 1) * dx
    bottom = read(y + 1, x) * (1.0 - dx) + read(y + 1, x + 1) * dx
    return tf.cast(tf.round(top * (1.0 - dy) + bottom * dy), tf.uint8)
