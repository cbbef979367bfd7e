"""Mosaic: four close-ups around labelled objects on one canvas (Bochkovskiy et al. 2020, YOLOv4).

Small defects cover little of a photograph: a canvas of close-ups shows the network several times as many of them
for the same work. Objects that a close-up cuts too much are left out, so whole parts are learned from whole images.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import masks as mask_ops
from maskrcnn.training.examples import MASK_CROP, Example, objects_first

TILES = 4
MIN_VISIBLE = 0.5
"""Share of an object's box that a close-up must show."""
FOCUS = (0.2, 0.6)
"""The chosen object's centre lies in this part of the tile: from 0.2 on, over 0.6 of its side."""


def assemble(tiles: Sequence[Example]) -> Example:
    """Four square close-ups of the same size, put together two by two."""
    tile = tf.shape(tiles[0].image)[0]
    corners = tf.cast(tile, tf.float32) * tf.constant([[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1] * 4], tf.float32)
    rows = [tf.concat([part.image for part in pair], 1) for pair in (tiles[:2], tiles[2:])]
    return objects_first(Example(
        image=tf.concat(rows, 0),
        size=tf.stack([tile * 2, tile * 2]),
        boxes=tf.concat([part.boxes + corners[index] for index, part in enumerate(tiles)], 0),
        class_ids=tf.concat([part.class_ids for part in tiles], 0),
        masks=tf.concat([part.masks for part in tiles], 0),
        has_mask=tf.concat([part.has_mask for part in tiles], 0),
        name=tf.strings.join([part.name for part in tiles], " + "),
    ))


def close_up(example: Example, tile: int | tf.Tensor, seed: tf.Tensor) -> Example:
    """A tile x tile window that shows a randomly chosen object, or anything where there is none."""
    example = _at_least(example, tile)
    window = _window(example, tile, seed)
    offset = tf.cast(window[::-1], tf.float32)
    shifted = example.boxes - tf.tile(offset, [2])
    visible = box_ops.clip(shifted, tf.stack([tile, tile]))
    keep = box_ops.area(visible) >= MIN_VISIBLE * box_ops.area(shifted)
    image = tf.slice(example.image, tf.concat([window, [0]], 0), tf.stack([tile, tile, 3]))
    frames, boxes, masks, ids, has_mask = (
        tf.boolean_mask(part, keep) for part in (shifted, visible, example.masks, example.class_ids, example.has_mask))
    masks = mask_ops.cut(tf.cast(masks, tf.float32), frames, boxes, MASK_CROP)
    return example._replace(image=tf.ensure_shape(image, [None, None, 3]), size=tf.stack([tile, tile]), boxes=boxes,
                            masks=tf.cast(tf.round(masks), tf.uint8), class_ids=ids, has_mask=has_mask)


def _at_least(example: Example, side: int | tf.Tensor) -> Example:
    """The example with black below and to the right where it is smaller: a panorama may be lower than a tile."""
    missing = tf.maximum(side - example.size, 0)
    image = tf.pad(example.image, [[0, missing[0]], [0, missing[1]], [0, 0]])
    return example._replace(image=image, size=example.size + missing)


def _window(example: Example, tile: int, seed: tf.Tensor) -> tf.Tensor:
    """Upper left corner [2] (y, x) of the window, inside the image."""
    chance = tf.random.stateless_uniform([3], seed)
    count = tf.shape(example.boxes)[0]
    size = tf.cast(example.size, tf.float32)
    # The image itself stands in as an object, so that there is always one to choose.
    boxes = tf.concat([example.boxes, [[0.0, 0.0, size[1], size[0]]]], 0)
    box = boxes[tf.minimum(tf.cast(chance[0] * tf.cast(count, tf.float32), tf.int32), count)]
    centre = tf.stack([box[1] + box[3], box[0] + box[2]]) / 2.0
    corner = tf.cast(tf.round(centre - tf.cast(tile, tf.float32) * (FOCUS[0] + FOCUS[1] * chance[1:])), tf.int32)
    return tf.clip_by_value(corner, 0, example.size - tile)
