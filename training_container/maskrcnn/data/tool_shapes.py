"""Geometries that a few labelling tools have beside those of shapes.py."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from maskrcnn.data.findings import BadItemError
from maskrcnn.data.shapes import CocoPolygons, CocoRle, Extent, Mask, MaskShape, Point

_CORNERS_OF_ELLIPSE = 90


@dataclasses.dataclass(frozen=True)
class Union:
    """One object of several parts: Supervisely's multipolygon, shapes of one labelme group."""

    parts: tuple[MaskShape, ...]

    def extent(self) -> Extent:
        """See MaskShape."""
        if not self.parts:
            raise BadItemError("polygon-invalid", "", "has no part: draw it again or delete it")
        extents = [part.extent() for part in self.parts]
        return Extent(
            min(extent.left for extent in extents),
            min(extent.top for extent in extents),
            max(extent.right for extent in extents),
            max(extent.bottom for extent in extents),
        )

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        mask = np.zeros((height, width), bool)
        for part in self.parts:
            mask |= part.draw(width, height)
        return mask


@dataclasses.dataclass(frozen=True)
class PillowPolygon:
    """labelme's polygon: drawn by Pillow with its outline, as labelme's own export does."""

    ring: tuple[Point, ...]

    def extent(self) -> Extent:
        """See MaskShape: labelme lets an outline lie on the outer edge of the last pixel."""
        return CocoPolygons((tuple(value for point in self.ring for value in point),)).extent()

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        canvas = Image.new("L", (width, height))
        ImageDraw.Draw(canvas).polygon(list(self.ring), outline=1, fill=1)
        return np.asarray(canvas) > 0


def ellipse(x: float, y: float, radius_x: float, radius_y: float, angle: float = 0.0) -> CocoPolygons:
    """An ellipse, or a circle, as the polygon that fits it closely.

    Args:
        x: Column of the centre.
        y: Row of the centre.
        radius_x: Half axis along x before turning, px.
        radius_y: Half axis along y before turning, px.
        angle: Radians, from x towards y.
    """
    ring = []
    for corner in range(_CORNERS_OF_ELLIPSE):
        turn = 2 * math.pi * corner / _CORNERS_OF_ELLIPSE
        along, across = radius_x * math.cos(turn), radius_y * math.sin(turn)
        ring.append(x + along * math.cos(angle) - across * math.sin(angle))
        ring.append(y + along * math.sin(angle) + across * math.cos(angle))
    return CocoPolygons((tuple(ring),))


def rle_of(mask: NDArray[np.bool_]) -> CocoRle:
    """The exact mask: what a label that is pixels already becomes."""
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return CocoRle((mask.shape[0], mask.shape[1]), rle["counts"].decode("ascii"))
