"""Random flips, turns, motions and changes of the pixels, each a function of a seed alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from maskrcnn.ops import images as image_ops
from maskrcnn.training import affine, photometric
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.examples import Example


def augment(example: Example, config: TrainingConfig, seed: tf.Tensor) -> Example:
    """Apply the augmentations that the configuration allows, by the random numbers of `seed` [2]."""
    chance = tf.random.stateless_uniform([6], seed)
    height, width, channels = example.image.shape
    shape = [height, width, channels] if height == width else [None, None, channels]
    if config.flip_horizontal:
        example = _maybe(chance[0], mirrored, example)
    if config.flip_vertical:
        example = _maybe(chance[1], upside_down, example)
    if config.quarter_turns:
        example = _maybe(chance[2], turned, example)
        example = _maybe(chance[3], lambda e: mirrored(upside_down(e)), example)
    if affine.wanted(config):
        example = affine.moved(example, affine.random_motion(example.size, config, _folded(seed, 1)))
    if config.brightness:
        gain = 1.0 + (chance[4] * 2.0 - 1.0) * config.brightness
        shift = (chance[5] * 2.0 - 1.0) * config.brightness * 128.0
        pixels = tf.cast(example.image, tf.float32) * gain + shift
        example = example._replace(image=tf.cast(tf.clip_by_value(pixels, 0.0, 255.0), tf.uint8))
    if photometric.wanted(config):
        example = example._replace(image=photometric.changed(example.image, config, _folded(seed, 2)))
    return example._replace(image=tf.ensure_shape(example.image, shape))


def mirrored(example: Example) -> Example:
    """Left and right swapped."""
    x1, y1, x2, y2 = tf.unstack(example.boxes, axis=1)
    width = tf.cast(example.size[1], tf.float32)
    return example._replace(image=example.image[:, ::-1], masks=example.masks[:, :, ::-1],
                            boxes=tf.stack([width - x2, y1, width - x1, y2], 1))


def upside_down(example: Example) -> Example:
    """Top and bottom swapped."""
    x1, y1, x2, y2 = tf.unstack(example.boxes, axis=1)
    height = tf.cast(example.size[0], tf.float32)
    return example._replace(image=example.image[::-1], masks=example.masks[:, ::-1],
                            boxes=tf.stack([x1, height - y2, x2, height - y1], 1))


def turned(example: Example) -> Example:
    """A quarter turn to the right."""
    x1, y1, x2, y2 = tf.unstack(example.boxes, axis=1)
    transposed = example._replace(image=tf.transpose(example.image, [1, 0, 2]), size=example.size[::-1],
                                  masks=tf.transpose(example.masks, [0, 2, 1]), boxes=tf.stack([y1, x1, y2, x2], 1))
    return mirrored(transposed)


def resized(example: Example, short_edge_px: int | tf.Tensor, max_size_px: int | tf.Tensor) -> Example:
    """Scaled to the network's input size."""
    shape = image_ops.resized_shape(example.size, short_edge_px, max_size_px)
    scale = tf.cast(tf.reverse(shape, [0]), tf.float32) / tf.cast(tf.reverse(example.size, [0]), tf.float32)
    same = tf.reduce_all(shape == example.size)
    image = tf.cond(same, lambda: example.image, lambda: image_ops.resize(example.image, shape))
    return example._replace(image=image, size=shape, boxes=example.boxes * tf.tile(scale, [2]))


def padded(example: Example, shapes: Sequence[Sequence[int]]) -> Example:
    """Black below and to the right, up to the smallest shape (height, width; turned for a portrait) that holds it."""
    height, width = tf.unstack(example.size)
    sides = tf.stack([tf.minimum(height, width), tf.maximum(height, width)])
    target = sides
    for shape in sorted(shapes, key=lambda shape: shape[0] * shape[1], reverse=True):
        holds = tf.reduce_all(sides <= tf.constant(shape, tf.int32))
        target = tf.where(holds, tf.constant(shape, tf.int32), target)
    missing = tf.where(height > width, target[::-1], target) - example.size
    image = tf.pad(example.image, [[0, missing[0]], [0, missing[1]], [0, 0]])
    return example._replace(image=image)


def _folded(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _maybe(chance: tf.Tensor, change: Callable[[Example], Example], example: Example) -> Example:
    """The change in half of the cases."""
    changed: Example = tf.cond(chance < 0.5, lambda: change(example), lambda: example)
    return changed
