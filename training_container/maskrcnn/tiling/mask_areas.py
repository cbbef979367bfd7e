"""How much of each other small masks cover: areas in pixels, without drawing them into the image."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import masks as mask_ops

SIDE = 28
"""Samples an axis over the region of which an area is taken."""
AT_ONCE = 256
"""Pairs that are measured together; memory is that of these."""


class SmallMasks:
    """Masks [N, m, m] of detections, readable anywhere in the image.

    Where the network finds boxes alone, m = 0, the boxes are the masks.
    """

    def __init__(self, found: RawDetections) -> None:
        self.boxes, self._values, self._frames = found.boxes, found.masks, found.boxes
        side = found.masks.shape[1]
        if side:
            # Zeros around, so that the object ends inside the outermost cell, as in mask_ops.paste.
            self._values = tf.pad(found.masks, [[0, 0], [1, 1], [1, 1]])
            cell = (self.boxes[:, 2:] - self.boxes[:, :2]) / float(side)
            self._frames = tf.concat([self.boxes[:, :2] - cell, self.boxes[:, 2:] + cell], 1)
        else:
            self._values = tf.ones([tf.shape(self.boxes)[0], 1, 1])  # regions are parts of the boxes

    def read(self, index: tf.Tensor, regions: tf.Tensor, side: int = SIDE) -> tf.Tensor:
        """Masks index [P] over regions [P, 4] of the image: [P, side, side] probabilities."""
        return mask_ops.targets(tf.gather(self._values, index), tf.gather(self._frames, index), regions, side)

    def areas(self, index: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
        """Pixels [P] of masks index [P] in regions [P, 4]."""
        return _measured(lambda i, region: self._solid(i, region), index, regions)

    def shared(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """Pixels [P] that belong to both masks of each pair."""
        regions = both(tf.gather(self.boxes, first), tf.gather(self.boxes, second))
        pairs = tf.stack([first, second], 1)
        return _measured(lambda pair, region: self._solid(pair[:, 0], region) & self._solid(pair[:, 1], region), pairs,
                         regions)

    def _solid(self, index: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
        return self.read(index, regions) >= 0.5


def both(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """The box that each pair of boxes [P, 4] shares; turned inside out, so of no area, where there is none."""
    return tf.concat([tf.maximum(first[:, :2], second[:, :2]), tf.minimum(first[:, 2:], second[:, 2:])], 1)


def _measured(solid: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], which: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
    """Area in pixels of what is solid in each region [P, 4], some at a time."""
    count = tf.shape(regions)[0]

    def in_groups(part: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(part, [[0, -count % AT_ONCE]] + [[0, 0]] * (len(part.shape) - 1))
        return tf.reshape(padded, [-1, AT_ONCE, *part.shape[1:]])

    def area(group: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        share = tf.reduce_mean(tf.cast(solid(*group), tf.float32), [1, 2])
        return share * box_ops.area(group[1])

    areas = tf.map_fn(area, (in_groups(which), in_groups(regions)), parallel_iterations=1,
                      fn_output_signature=tf.TensorSpec([AT_ONCE], tf.float32))
    return tf.reshape(areas, [-1])[:count]
