"""Label geometries and how each becomes a mask: the conventions are those of the tool that wrote the label.

All coordinates are pixels of the image, x right, y down, origin top-left.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import io
import zlib
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import MAX_PIXELS
from maskrcnn.rle import runs_of

Mask = NDArray[np.bool_]
Point = tuple[float, float]
MAX_PNG_BYTES = 100_000_000
EDGE_TOLERANCE_PX = 1.0  # labelling tools put outlines on the outer edge of the last pixel


@dataclasses.dataclass(frozen=True)
class Extent:
    """The pixels a shape touches: first and last column and row, both inclusive."""

    left: float
    top: float
    right: float
    bottom: float


class MaskShape(Protocol):
    """A geometry that says which pixels belong to the object."""

    def extent(self) -> Extent:
        """What it touches, before clipping to the image.

        Raises:
            BadItemError: the shape itself is broken.
        """

    def draw(self, width: int, height: int) -> Mask:
        """Its [height, width] mask, clipped to the image.

        Raises:
            BadItemError: the shape itself is broken.
        """


@dataclasses.dataclass(frozen=True)
class Bitmap:
    """Supervisely's bitmap: base64(zlib(PNG)) of a crop, and where the crop lies."""

    data: str
    origin: tuple[int, int]

    def extent(self) -> Extent:
        """See MaskShape: only the set pixels count, an empty margin may hang over the edge."""
        crop = decode_bitmap(self.data)
        rows, columns = np.flatnonzero(crop.any(axis=1)), np.flatnonzero(crop.any(axis=0))
        x, y = self.origin
        if not rows.size:
            return Extent(x, y, x, y)
        return Extent(x + int(columns[0]), y + int(rows[0]), x + int(columns[-1]), y + int(rows[-1]))

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        crop = decode_bitmap(self.data)
        mask = np.zeros((height, width), bool)
        x, y = self.origin
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + crop.shape[1], width), min(y + crop.shape[0], height)
        if left < right and top < bottom:
            mask[top:bottom, left:right] = crop[top - y : bottom - y, left - x : right - x]
        return mask


def _inflated(packed: bytes) -> bytes:
    """The PNG out of its zlib stream, which may promise more than anybody drew."""
    stream = zlib.decompressobj()
    png = stream.decompress(packed, MAX_PNG_BYTES)
    if not stream.eof:
        raise ValueError("the zlib stream is cut off, or holds more than a picture")
    return png


@functools.lru_cache(maxsize=1)  # the extent and the drawing of one object ask in turn
def decode_bitmap(data: str) -> Mask:
    """Decode Supervisely's base64(zlib(PNG)): the object is where the PNG is not transparent.

    Without zlib around it, or without transparency inside, the object is where any channel is not zero
    (the tolerances of Supervisely's SDK).

    Raises:
        BadItemError: it is no such picture.
    """
    try:
        packed = base64.b64decode(data, validate=True)
        try:
            png, plain = _inflated(packed), False
        except zlib.error:
            png, plain = packed, True
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("it is larger than any photograph")
            transparent = "transparency" in picture.info or picture.mode in ("LA", "RGBA", "PA")
            if transparent and not plain:
                return np.asarray(picture.convert("RGBA"))[..., 3] > 0
            pixels = np.asarray(picture.convert("RGBA" if transparent else "RGB"))
            return np.asarray(pixels.any(axis=-1))
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError) as problem:
        raise BadItemError(
            "bitmap-unreadable", "", "has a bitmap that cannot be decoded: export the annotation again"
        ) from problem


@dataclasses.dataclass(frozen=True)
class Polygon:
    """Supervisely's polygon: points rounded, outlines inclusive, holes cut out with their outline."""

    exterior: tuple[Point, ...]
    interior: tuple[tuple[Point, ...], ...] = ()

    def extent(self) -> Extent:
        """See MaskShape."""
        rings = [np.rint(_ring(ring)) for ring in (self.exterior, *self.interior)]
        return _extent_of_points(np.concatenate(rings))

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        canvas = np.zeros((height, width), np.uint8)
        cv2.fillPoly(canvas, [_rounded(self.exterior)], 1)
        for hole in self.interior:
            cv2.fillPoly(canvas, [_rounded(hole)], 0)
        return canvas.astype(bool)


def _rounded(points: tuple[Point, ...]) -> NDArray[np.int32]:
    return np.rint(_ring(points)).astype(np.int32)


def _ring(points: tuple[Point, ...]) -> NDArray[np.float64]:
    ring = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(ring).all():
        raise BadItemError(
            "polygon-invalid", "", "has a corner that is no number: draw it again or delete it"
        )
    if len(ring) < 3:
        raise BadItemError(
            "polygon-invalid",
            "",
            f"has a ring of {len(ring)} points, a polygon needs at least 3: draw it again or delete it",
        )
    return ring


def _extent_of_points(points: NDArray[np.float64]) -> Extent:
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Extent(left, top, right, bottom)


@dataclasses.dataclass(frozen=True)
class CocoPolygons:
    """COCO's polygon: one object of one or more rings [x1, y1, x2, y2, ...], drawn by pycocotools."""

    rings: tuple[tuple[float, ...], ...]

    def extent(self) -> Extent:
        """See MaskShape: coordinates are edges, so the last pixel begins one before."""
        outline = _extent_of_points(np.concatenate([_ring(_pairs(ring)) for ring in self.rings]))
        return Extent(
            outline.left,
            outline.top,
            max(outline.left, outline.right - 1),
            max(outline.top, outline.bottom - 1),
        )

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        rings = [_ring(_pairs(ring)).reshape(-1).tolist() for ring in self.rings]
        rle = coco_mask.merge(coco_mask.frPyObjects(rings, height, width))
        return np.asarray(coco_mask.decode(rle)).astype(bool)


def _pairs(ring: tuple[float, ...]) -> tuple[Point, ...]:
    if len(ring) % 2:
        raise BadItemError(
            "polygon-invalid",
            "",
            f"has a ring of {len(ring)} numbers, they must be x, y pairs: export the annotation again",
        )
    return tuple(zip(ring[::2], ring[1::2], strict=True))


@dataclasses.dataclass(frozen=True)
class CocoRle:
    """COCO's run-length mask: column-major runs, a list of numbers or their compressed string."""

    size: tuple[int, int]
    """(height, width)"""
    counts: str | tuple[int, ...]

    def extent(self) -> Extent:
        """See MaskShape: a mask of the image's own size cannot leave it; draw checks the size."""
        return Extent(0, 0, 0, 0)

    def draw(self, width: int, height: int) -> Mask:
        """See MaskShape."""
        if self.size != (height, width):
            raise BadItemError(
                "label-size-mismatch",
                "",
                f"is {self.size[1]}x{self.size[0]} in an image of "
                f"{width}x{height}: export image and annotation together",
            )
        try:
            runs = runs_of(self.counts) if isinstance(self.counts, str) else list(self.counts)
        except ValueError as problem:
            raise BadItemError(
                "rle-invalid", "", "has a run-length code that cannot be read: export the annotation again"
            ) from problem
        # pycocotools does not touch the pixels behind the last run: the mask would hold what lay in memory.
        if sum(runs) != width * height or min(runs, default=0) < 0:
            raise BadItemError(
                "rle-invalid",
                "",
                f"has runs that add up to {sum(runs)} pixels instead of "
                f"{width * height}: export the annotation again",
            )
        rle = coco_mask.frPyObjects({"size": list(self.size), "counts": runs}, height, width)
        return np.asarray(coco_mask.decode(rle)).astype(bool)


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle: it has no mask, so it never feeds the mask loss. First and last pixel, both inclusive."""

    left: float
    top: float
    right: float
    bottom: float

    def extent(self) -> Extent:
        """See MaskShape.extent."""
        if not np.isfinite([self.left, self.top, self.right, self.bottom]).all():
            raise BadItemError("box-invalid", "", "has a corner that is no number: draw it again or delete it")
        return Extent(self.left, self.top, self.right, self.bottom)


Shape = MaskShape | Box
