"""From a serialised example to tensors: image, boxes in pixels, and each mask cropped to its box."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from maskrcnn.data import schema
from maskrcnn.ops import roi_align

IGNORED = -(2**31)
"""Class of a box that is neither an object nor background: what a tile cuts off one. It comes after all objects."""
MASK_CROP = 56
"""Side of the stored mask crops: twice the mask head's usual output."""

FEATURES = {
    schema.FILE_NAME: tf.io.FixedLenFeature([], tf.string, ""),
    schema.ENCODED: tf.io.FixedLenFeature([], tf.string),
    **{name: tf.io.VarLenFeature(tf.float32) for name in (schema.XMIN, schema.YMIN, schema.XMAX, schema.YMAX)},
    schema.CLASS_LABEL: tf.io.VarLenFeature(tf.int64),
    schema.IS_CROWD: tf.io.VarLenFeature(tf.int64),
    schema.MASK: tf.io.VarLenFeature(tf.string),
}


class Example(NamedTuple):
    """One image with its G objects, or a batch of them with a leading B and G padded with class 0."""

    image: tf.Tensor
    """[H, W, 3] uint8 RGB."""
    size: tf.Tensor
    """[2] int32 height and width without padding."""
    boxes: tf.Tensor
    """[G, 4] float32 x1, y1, x2, y2 in pixels."""
    class_ids: tf.Tensor
    """[G] int32 from 1; a crowd, where crowds are kept, has the negative of its class and comes after all objects."""
    masks: tf.Tensor
    """[G, MASK_CROP, MASK_CROP] uint8, 0 to 255: how much of each cell of the box is object."""
    has_mask: tf.Tensor
    """[G] bool; False for objects labelled by a box alone."""
    name: tf.Tensor
    """File name, for messages."""


def parse(serialized: tf.Tensor, *, keep_crowds: bool = False, only: tf.Tensor | None = None) -> Example:
    """Decode one example; empty boxes are left out, crowds unless asked for, and classes that are not in `only` [K]."""
    features = tf.io.parse_single_example(serialized, FEATURES)
    image = tf.io.decode_image(features[schema.ENCODED], 3, expand_animations=False)
    image.set_shape([None, None, 3])
    size = tf.shape(image)[:2]
    height, width = tf.unstack(tf.cast(size, tf.float32))
    corners = [features[name].values for name in (schema.XMIN, schema.YMIN, schema.XMAX, schema.YMAX)]
    boxes = tf.stack(corners, 1) * tf.stack([width, height, width, height])
    class_ids = tf.cast(features[schema.CLASS_LABEL].values, tf.int32)
    crowd = _padded(features[schema.IS_CROWD].values, tf.size(class_ids), tf.constant(0, tf.int64)) > 0
    pngs = _padded(features[schema.MASK].values, tf.size(class_ids), tf.constant(""))
    keep = tf.reduce_all(boxes[:, 2:] > boxes[:, :2], 1)
    if only is not None:
        keep &= tf.reduce_any(class_ids[:, None] == only, 1)
    if keep_crowds:
        class_ids, pngs = tf.where(crowd, -class_ids, class_ids), tf.where(crowd, "", pngs)
    else:
        keep &= ~crowd
    boxes, class_ids, pngs = (tf.boolean_mask(part, keep) for part in (boxes, class_ids, pngs))
    crops = tf.map_fn(lambda pair: _crop(pair[0], pair[1]), (pngs, boxes), fn_output_signature=tf.uint8)
    crops = tf.reshape(crops, [-1, MASK_CROP, MASK_CROP])
    example = Example(image, size, boxes, class_ids, crops, tf.strings.length(pngs) > 0, features[schema.FILE_NAME])
    return objects_first(example) if keep_crowds else example


def objects_first(example: Example) -> Example:
    """The same example with its crowds and IGNORED boxes after its objects."""
    return chosen(example, tf.argsort(tf.cast(example.class_ids < 0, tf.int32), stable=True))


def chosen(example: Example, indices: tf.Tensor) -> Example:
    """The same image with these [K] of its objects alone, in this order."""
    boxes, ids, masks, has_mask = (tf.gather(part, indices) for part in (
        example.boxes, example.class_ids, example.masks, example.has_mask))
    return example._replace(boxes=boxes, class_ids=ids, masks=masks, has_mask=has_mask)


def _padded(values: tf.Tensor, count: tf.Tensor, filler: tf.Tensor) -> tf.Tensor:
    """Values filled up to `count`: a feature that no object needs may be absent."""
    return tf.concat([values, tf.fill([count - tf.size(values)], filler)], 0)


def _crop(png: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """The part of a full-size mask in a box, four samples a cell; zeros for an empty string."""

    def decoded() -> tf.Tensor:
        mask = tf.cast(tf.io.decode_png(png, 1) > 0, tf.float32)
        samples = roi_align.crop(mask[None], box[None], tf.zeros([1], tf.int32), MASK_CROP * 2)
        return tf.cast(tf.round(tf.nn.avg_pool2d(samples, 2, 2, "VALID")[0, :, :, 0] * 255.0), tf.uint8)

    return tf.cond(tf.strings.length(png) > 0, decoded, lambda: tf.zeros([MASK_CROP, MASK_CROP], tf.uint8))
