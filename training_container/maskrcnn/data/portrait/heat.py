"""Where in the image objects lie: how many of them cover each cell of a coarse grid."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
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
    if instance.mask:
        mask = rle.decode(instance.mask)
    else:
        mask = np.zeros((height, width), np.bool_)
        x, y, box_width, box_height = instance.bbox
        mask[round(y) : round(y + box_height), round(x) : round(x + box_width)] = True
    if min(mask.shape) < GRID:  # an average over cells needs at least a pixel in each
        mask = cv2.resize(mask.astype(np.uint8), (GRID * 4, GRID * 4), interpolation=cv2.INTER_NEAREST) > 0
    return np.asarray(cv2.resize(mask.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA), np.float64)
