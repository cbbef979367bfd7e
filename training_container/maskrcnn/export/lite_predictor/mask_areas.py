"""How much of each other small masks cover: areas in pixels, without drawing them into the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 28
"""Samples an axis over the region of which an area is taken."""
AT_ONCE = 256
"""Regions that are measured together; memory is that of these."""

Index = NDArray[np.intp]
Floats = NDArray[np.float32]


class SmallMasks:
    """Masks [N, m, m] at boxes [N, 4], readable anywhere in the image; without masks, m = 0, the boxes are they."""

    def __init__(self, boxes: Floats, masks: Floats) -> None:
        self.boxes, self.bare = boxes, masks.shape[1] == 0
        if not self.bare:
            # Zeros around, so that an object ends inside the outermost cell, as where masks are drawn.
            self._values = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
            cell = (boxes[:, 2:] - boxes[:, :2]) / np.float32(masks.shape[1])
            self._frames = np.concatenate([boxes[:, :2] - cell, boxes[:, 2:] + cell], 1)

    def read(self, index: Index, regions: Floats, side: int = SIDE) -> Floats:
        """Masks index [P] over regions [P, 4] of the image: [P, side, side] probabilities."""
        values, frames = self._values[index], self._frames[index]
        down, across = (_weights(frames[:, axis::2], regions[:, axis::2], values.shape[1], side) for axis in (1, 0))
        return np.asarray(down @ values @ across.transpose(0, 2, 1), np.float32)

    def areas(self, index: Index, regions: Floats) -> Floats:
        """Pixels [P] of masks index [P] in regions [P, 4]."""
        return self._measured([index], regions)

    def shared(self, first: Index, second: Index) -> Floats:
        """Pixels [P] that belong to both masks of each pair."""
        return self._measured([first, second], both(self.boxes[first], self.boxes[second]))

    def _measured(self, members: list[Index], regions: Floats) -> Floats:
        found = area(regions)
        if self.bare:
            return found
        for start in range(0, len(regions), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            solid = np.logical_and.reduce([self.read(index[some], regions[some]) >= 0.5 for index in members])
            found[some] *= solid.mean((1, 2), dtype=np.float32)
        return found


def area(boxes: Floats) -> Floats:
    """Of boxes [P, 4]; 0 of one that is turned inside out."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def both(first: Floats, second: Floats) -> Floats:
    """The box that each pair of boxes [P, 4] shares; turned inside out where there is none."""
    return np.concatenate([np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])], 1)


def _weights(frames: Floats, regions: Floats, cells: int, side: int) -> Floats:
    """How much the cells of frames (low, high) [P, 2] count at each of `side` samples over regions [P, 2]."""
    length = np.maximum(frames[:, 1] - frames[:, 0], 1e-3)
    middles = (np.arange(side, dtype=np.float32) + 0.5) / side
    places = regions[:, :1] + (regions[:, 1:] - regions[:, :1]) * middles
    at = (places - frames[:, :1]) * (cells / length)[:, None] - 0.5
    near = np.maximum(1.0 - np.abs(at[:, :, None] - np.arange(cells)), 0.0)
    return np.where((at >= 0.0) & (at <= cells - 1), near.transpose(2, 0, 1), 0.0).transpose(1, 2, 0).astype(np.float32)
