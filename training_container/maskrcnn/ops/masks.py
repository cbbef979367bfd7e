"""Instance masks: training targets, and small masks pasted into the image."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn.ops import roi_align


def targets(masks: tf.Tensor, frames: tf.Tensor, boxes: tf.Tensor, size: int) -> tf.Tensor:
    """What the mask head should answer for `boxes`: [R, size, size] float32, 0 to 1.

    Args:
        masks: [R, h, w], 0 to 1: the mask of each box's object, sampled over `frames`.
        frames: [R, 4]: the image region that each mask covers (the whole image, or the object's box).
        boxes: [R, 4] in the same pixels; what lies outside the frame is no object.
        size: Side of the target.
    """
    shape = tf.cast(tf.shape(masks)[1:3], tf.float32)
    sides = tf.maximum(frames[:, 2:] - frames[:, :2], 1e-3)
    scale = shape[::-1] / sides
    offset = tf.tile(frames[:, :2], [1, 2])
    local = (boxes - offset) * tf.tile(scale, [1, 2])
    index = tf.range(tf.shape(boxes)[0])
    return roi_align.crop(masks[..., None], local, index, size)[..., 0]


def cut(masks: tf.Tensor, frames: tf.Tensor, boxes: tf.Tensor, size: int) -> tf.Tensor:
    """Parts of masks [R, h, w]: what `boxes` [R, 4], inside of their `frames` [R, 4], show: [R, size, size].

    As targets, but the outermost cells count up to the border of the frame. targets reads zeros in their outer halves,
    as tensorpack does at the border of the image; the finer cells of a part would keep those as a rim of background.
    """
    height, width = tf.unstack(tf.cast(tf.shape(masks)[1:3], tf.float32))
    cell = (frames[:, 2:] - frames[:, :2]) / tf.stack([width, height])
    wider = tf.concat([frames[:, :2] - cell, frames[:, 2:] + cell], 1)
    return targets(tf.pad(masks, [[0, 0], [1, 1], [1, 1]], "SYMMETRIC"), wider, boxes, size)


def paste(masks: NDArray[np.float32], boxes: NDArray[np.float32], height: int, width: int,
          threshold: float = 0.5) -> NDArray[np.bool_]:
    """Draw masks [N, m, m] at their boxes into [N, height, width]: bilinear, then cut at `threshold`.

    A border of zeros around the small mask lets the object end inside the outermost bin (tensorpack's
    ACCURATE_PASTE). Masks without pixels, m = 0, come from a network that finds boxes alone: the box is drawn.
    """
    if masks.shape[1] == 0:
        return rectangles(boxes, height, width)
    result = np.zeros((len(masks), height, width), np.bool_)
    for mask, box, canvas in zip(masks, boxes, result, strict=True):
        x1, y1, x2, y2 = (float(v) for v in box)
        rows, row_weights = _resampling(y1, y2, mask.shape[0], height)
        columns, column_weights = _resampling(x1, x2, mask.shape[1], width)
        canvas[rows, columns] = row_weights @ np.pad(mask, 1) @ column_weights.T >= threshold
    return result


def paste_probabilities(masks: tf.Tensor, boxes: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Draw masks [N, m, m] at their boxes into [N, height, width], as paste does but without the threshold."""
    if masks.shape[1] == 0:
        rows, columns = (_inside(boxes[:, i], boxes[:, i + 2], side) for i, side in ((1, height), (0, width)))
        return rows[:, :, None] * columns[:, None, :]
    padded = tf.pad(masks, [[0, 0], [1, 1], [1, 1]])
    rows = _bilinear_weights(boxes[:, 1], boxes[:, 3], masks.shape[1], height)
    columns = _bilinear_weights(boxes[:, 0], boxes[:, 2], masks.shape[2], width)
    return tf.matmul(tf.matmul(rows, padded), columns, transpose_b=True)


def _bilinear_weights(low: tf.Tensor, high: tf.Tensor, bins: int, pixels: tf.Tensor) -> tf.Tensor:
    """How much each of the bins + 2 padded mask values counts in each pixel: [N, pixels, bins + 2]."""
    bin_size = tf.maximum(high - low, 1e-6) / bins
    middles = tf.range(tf.cast(pixels, tf.float32))[None, :] + 0.5
    centres = (middles - low[:, None]) / bin_size[:, None] + 0.5
    return tf.maximum(1.0 - tf.abs(centres[:, :, None] - tf.range(bins + 2.0)), 0.0)


def _inside(low: tf.Tensor, high: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """1 for pixels whose centres lie in [low, high), else 0: [N, pixels]."""
    middles = tf.range(tf.cast(pixels, tf.float32))[None, :] + 0.5
    return tf.cast((low[:, None] <= middles) & (middles < high[:, None]), tf.float32)


def rectangles(boxes: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """Masks [N, height, width] of the pixels whose centres lie in the boxes [N, 4]."""
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    x1, y1, x2, y2 = (side[:, None] for side in boxes.T)
    inside_rows, inside_columns = (y1 <= rows) & (rows < y2), (x1 <= columns) & (columns < x2)
    inside: NDArray[np.bool_] = inside_rows[:, :, None] & inside_columns[:, None, :]
    return inside


def _resampling(low: float, high: float, bins: int, limit: int) -> tuple[slice, NDArray[np.float32]]:
    """Pixels that [low, high] reaches, and for each the bilinear weights of the bins + 2 padded mask values."""
    bin_size = max(high - low, 1e-6) / bins
    start = int(np.clip(np.floor(low - bin_size), 0, limit))
    stop = int(np.clip(np.ceil(high + bin_size), start, limit))
    centres = (np.arange(start, stop) + 0.5 - low) / bin_size + 0.5
    distance = np.abs(centres[:, None] - np.arange(bins + 2)[None, :])
    return slice(start, stop), np.maximum(1.0 - distance, 0.0).astype(np.float32)
