"""What the network finds in one image: seen whole, and tile by tile."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.config import InputConfig
from maskrcnn.model.mask_rcnn import MaskRCNN, RawDetections
from maskrcnn.ops import images as image_ops
from maskrcnn.tiling import places
from maskrcnn.tiling.places import Places

WHOLE = -1
"""Number of the view that is the whole image."""


class Views(NamedTuple):
    """Detections of several views of one image, in the pixels of that image."""

    found: RawDetections
    """All N of them, view after view."""
    numbers: tf.Tensor
    """[N] int32: the tile that each was found in, or WHOLE."""
    tiles: Places
    """Of the tiles; in the pixels of the image too."""


def whole(model: MaskRCNN, image: tf.Tensor, longest_px: int, min_score: float | tf.Tensor = 0.0) -> RawDetections:
    """Detections above this score in an image [H, W, 3], shown at the model's size or no longer than `longest_px`."""
    size = shown_size(tf.shape(image)[:2], model.config.input, longest_px)
    raw = model.detect(image_ops.resize(image, size), min_score)
    return raw._replace(boxes=raw.boxes * _scale(tf.shape(image)[:2], size))


def of(model: MaskRCNN, image: tf.Tensor) -> Views:
    """All views that the model's settings ask for; an image that is not larger than a tile has one alone.

    One tile is looked at after the other: memory is that of one, whatever the size of the image.
    """
    tiles, shape = model.config.tiles, tf.shape(image)[:2]
    size = shown_size(shape, model.config.input, model.config.input.max_size_px)
    cover = places.cover(size, tiles.size_px, tiles.overlap_px)
    if tiles.whole:
        several = tf.shape(cover.boxes)[0] > 1
        cover = Places(*(part[:tf.where(several, tf.shape(part)[0], 0)] for part in cover))
    found, numbers = _in_tiles(model, image_ops.resize(image, size), cover.boxes)
    scale = _scale(shape, size)
    found = found._replace(boxes=found.boxes * scale)
    if tiles.whole:
        at_once = whole(model, image, tiles.size_px)
        found = RawDetections(*(tf.concat(parts, 0) for parts in zip(at_once, found, strict=True)))
        numbers = tf.concat([tf.fill(tf.shape(at_once.scores), WHOLE), numbers], 0)
    return Views(found, numbers, Places(*(part * scale for part in cover)))


def shown_size(shape: tf.Tensor, config: InputConfig, longest_px: int) -> tf.Tensor:
    """Size [2] at which the network sees an image of this shape [2]: the model's own, or no longer than that."""
    return image_ops.resized_shape(shape, config.short_edge_px, min(config.max_size_px, longest_px))


def _scale(shape: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """[4]: turns boxes in the resized image into those of the image."""
    # Not shape[::-1]: a negative stride over a shape makes Grappler give up on the whole graph.
    height, width = tf.unstack(tf.cast(shape, tf.float32) / tf.cast(size, tf.float32))
    return tf.stack([width, height, width, height])


def _in_tiles(model: MaskRCNN, image: tf.Tensor, boxes: tf.Tensor) -> tuple[RawDetections, tf.Tensor]:
    """Detections of all tiles [T, 4] in the image's pixels, and the number of the tile of each [N]."""
    most, side = model.config.box.detections, model.rois.mask_size if model.config.masks else 0
    shapes = ([most, 4], [most], [most], [most, side, side])
    dtypes = (tf.float32, tf.float32, tf.int32, tf.float32)
    specs = [tf.TensorSpec(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]

    def one(box: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x1, y1, x2, y2 = tf.unstack(tf.cast(box, tf.int32))
        raw = model.detect(image[y1:y2, x1:x2])
        count = tf.size(raw.scores)
        moved = raw._replace(boxes=raw.boxes + tf.tile(box[:2], [2]))
        return (*(_filled(part, most - count, spec) for part, spec in zip(moved, specs, strict=True)), count)

    *parts, counts = tf.map_fn(one, boxes, parallel_iterations=1,
                               fn_output_signature=(*specs, tf.TensorSpec([], tf.int32)))
    real = tf.sequence_mask(counts, most)
    numbers = tf.repeat(tf.range(tf.size(counts)), counts)
    return RawDetections(*(tf.boolean_mask(part, real) for part in parts)), numbers


def _filled(part: tf.Tensor, missing: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Zeros behind the detections, so that every tile has as many."""
    return tf.ensure_shape(tf.pad(part, [[0, missing]] + [[0, 0]] * (len(spec.shape) - 1)), spec.shape)
