"""Where in the image objects lie: how many of them cover each cell of a coarse grid."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord
from maskrcnn import rle

GRID = 48
"""Cells a side; images of any shape are stretched to the square."""


class HeatMaps:
    """One map a class, [GRID, GRID]: the sum over objects of the share of the cell that each covers."""

    def __init__(self, classes: Sequence[ClassDefinition]) -> None:
        self.by_class = {c.name: np.zeros((GRID, GRID), np.float64) for c in classes}
        self._defects = [c.name for c in classes if c.role == "defect"]
        self.images = 0

    def add(self, record: LabelRecord) -> None:
        """Add the objects of one image."""
        self.images += 1
        for instance in record.instances:
            self.by_class[instance.class_name] += coverage(instance, record.width, record.height)

    def defects(self) -> NDArray[np.float64]:
        """All defect classes together."""
        return sum((self.by_class[name] for name in self._defects), np.zeros((GRID, GRID)))


def coverage(instance: LabelInstance, width: int, height: int) -> NDArray[np.float64]:
    """The share [GRID, GRID] of each cell that an object covers; a box counts as filled."""
    x, y, box_width, box_height = instance.bbox
    columns = slice(max(math.floor(x), 0), min(math.ceil(x + box_width), width))
    rows = slice(max(math.floor(y), 0), min(math.ceil(y + box_height), height))
    down, across = _shares(height)[:, rows], _shares(width)[:, columns]
    if instance.mask is None:
        return np.outer(down.sum(axis=1), across.sum(axis=1)).astype(np.float64)
    crop = rle.decode(instance.mask)[rows, columns].astype(np.float32)
    return (down @ crop @ across.T).astype(np.float64)


@functools.lru_cache(maxsize=16)
def _shares(extent: int) -> NDArray[np.float32]:
    """The share [GRID, extent] of each cell of one axis that each pixel is."""
    edges = np.linspace(0, extent, GRID + 1)
    pixels = np.arange(extent)
    overlap = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    return np.asarray(np.maximum(overlap, 0) * GRID / extent, np.float32)
