"""Training on what tiled inference shows the network: tiles cut at random, and whole images made as small as a tile.

Everything random is a function of a seed alone, so that the same position always gives the same example.
"""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import TilesConfig
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import masks as mask_ops
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import IGNORED, MASK_CROP, Example, objects_first

MIN_VISIBLE = 0.3
"""Share of an object from which what is left of it in a tile is still one."""
FOCUSED = 0.5
"""Share of the tiles that show a chosen object whole; the others lie anywhere."""
SOLID = 128
"""Cells of a mask crop from here on (of 255) are object."""
LONGEST_FOLD, WINDOW_FOLD = 101, 102
"""Keep these random numbers apart from those of other augmentations of the same seed."""


def longest_px(settings: Settings, seed: tf.Tensor) -> int | tf.Tensor:
    """Longest edge to resize the image of this seed [2] to: of a whole image it is a tile's, else the model's own."""
    size, longest = settings.model.tiles.size_px, settings.model.input.max_size_px
    if not size:
        return longest
    chance = tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(seed, LONGEST_FOLD))
    return tf.where(chance < settings.training.tile_share, longest, min(size, longest))


def canvas_px(settings: Settings, short_edge_px: int | tf.Tensor) -> int | tf.Tensor:
    """Side of a mosaic: no longer than a tile."""
    size = settings.model.tiles.size_px
    return tf.minimum(short_edge_px, size) if size else short_edge_px


def shown(example: Example, tiles: TilesConfig, seed: tf.Tensor) -> Example:
    """A random tile of the example, or all of it where it is not larger than a tile.

    Of an object that the tile cuts the visible part is labelled, with a box around just that. It is IGNORED where less
    than MIN_VISIBLE is left and no side of it exceeds the overlap of tiles: then another tile shows more of it.
    """
    if not tiles.size_px:
        return example
    size = tf.minimum(example.size, tiles.size_px)
    corner = _corner(example, size, tf.random.experimental.stateless_fold_in(seed, WINDOW_FOLD))
    image = tf.slice(example.image, tf.concat([corner, [0]], 0), tf.concat([size, [3]], 0))
    frames = example.boxes - tf.tile(tf.cast(corner[::-1], tf.float32), [2])
    boxes, visible = _visible(example, frames, size)
    seen = tf.where(tf.reduce_all(boxes[:, 2:] - boxes[:, :2] >= 1.0, 1))[:, 0]
    boxes, visible, frames, masks, ids, has_mask = (tf.gather(part, seen) for part in (
        boxes, visible, frames, example.masks, example.class_ids, example.has_mask))
    long = tf.reduce_any(boxes[:, 2:] - boxes[:, :2] > tiles.overlap_px, 1)
    ids = tf.where((visible >= MIN_VISIBLE) | long | (ids < 0), ids, IGNORED)
    cut = tf.reduce_any(boxes != frames, 1)[:, None, None]
    parts = tf.cast(tf.round(mask_ops.cut(tf.cast(masks, tf.float32), frames, boxes, MASK_CROP)), tf.uint8)
    return objects_first(example._replace(
        image=tf.ensure_shape(image, [None, None, 3]), size=size, boxes=boxes, class_ids=ids, has_mask=has_mask,
        masks=tf.where(cut, parts, masks)))


def _visible(example: Example, frames: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes [G, 4] around what lies in a window of `size` of objects in `frames` [G, 4], and the share [G] of it."""
    clipped = box_ops.clip(frames, size)
    solid = example.masks >= SOLID
    # An object without a mask, or too thin for one, is its box.
    solid |= ~tf.reduce_any(solid, [1, 2], keepdims=True)
    cell = (frames[:, 2:] - frames[:, :2]) / float(MASK_CROP)
    # [G, 2, MASK_CROP]: where columns and rows of cells begin and end.
    begins = frames[:, :2, None] + cell[:, :, None] * tf.range(MASK_CROP, dtype=tf.float32)
    ends = begins + cell[:, :, None]
    inside = (ends > 0.0) & (begins < tf.cast(size[::-1], tf.float32)[None, :, None])
    left = solid & inside[:, 1, :, None] & inside[:, 0, None, :]
    used = tf.stack([tf.reduce_any(left, 1), tf.reduce_any(left, 2)], 1)
    low = tf.reduce_min(tf.where(used, begins, tf.float32.max), 2)
    high = tf.reduce_max(tf.where(used, ends, -tf.float32.max), 2)
    tight = tf.concat([tf.maximum(low, clipped[:, :2]), tf.minimum(high, clipped[:, 2:])], 1)
    counts = (tf.reduce_sum(tf.cast(part, tf.float32), [1, 2]) for part in (left, solid))
    uncut = tf.reduce_all(clipped == frames, 1)
    return tf.where(uncut[:, None], frames, tight), tf.where(uncut, 1.0, tf.math.divide_no_nan(*counts))


def _corner(example: Example, size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Upper left corner [2] (y, x) of a window of `size`, inside the image."""
    chance = tf.random.stateless_uniform([4], seed)
    room = example.size - size
    anywhere = tf.cast(tf.floor(chance[:2] * tf.cast(room + 1, tf.float32)), tf.int32)
    chosen, any_fits = _rare_object(example, size, chance[2])
    sides = tf.cast(size, tf.float32)
    # The corners from which the window holds all of the object.
    first, last = chosen[3:1:-1] - sides, chosen[1::-1]
    around = tf.cast(tf.round(first + chance[:2] * (last - first)), tf.int32)
    wanted = any_fits & (chance[3] < FOCUSED)
    return tf.clip_by_value(tf.where(wanted, around, anywhere), 0, room)


def _rare_object(example: Example, size: tf.Tensor, chance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Box [4] of an object that fits into a window: every class of the image is as likely; and whether there is one."""
    sides = example.boxes[:, 2:] - example.boxes[:, :2]
    fits = (example.class_ids > 0) & tf.reduce_all(sides <= tf.cast(size[::-1], tf.float32), 1)
    same = (example.class_ids[:, None] == example.class_ids[None]) & fits[None]
    weights = tf.where(fits, 1.0 / tf.maximum(tf.reduce_sum(tf.cast(same, tf.float32), 1), 1.0), 0.0)
    ends = tf.cumsum(weights)
    index = tf.reduce_sum(tf.cast(ends <= chance * tf.reduce_sum(weights), tf.int32))
    # One box more, so that there is something to take where nothing fits.
    boxes = tf.concat([example.boxes, tf.zeros([1, 4])], 0)
    return boxes[tf.minimum(index, tf.shape(boxes)[0] - 1)], tf.reduce_any(fits)
