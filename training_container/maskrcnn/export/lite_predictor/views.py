"""What the network is shown of an image: all of it at once, or all of it small and then tile by tile.

The same tiles as the trained model sees on a server (maskrcnn.tiling), without TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

WHOLE = -1
"""Number of the view that is the whole image."""


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How a model with tiles sees images.

    Attributes:
        short_edge_px: An image is resized until its short edge has this, ...
        max_size_px: ... or less, until its long edge has this.
        tile_px: Side of a tile of the resized image.
        overlap_px: What neighbouring tiles share at least.
        seam_px: A box that ends so near to a seam may be cut by it.
        whole: The whole image is seen too, no larger than a tile.
        detections: The most that an image has.
    """

    short_edge_px: int
    max_size_px: int
    tile_px: int
    overlap_px: int
    seam_px: int
    whole: bool
    detections: int


class View(NamedTuple):
    """One picture for the network."""

    canvas: NDArray[np.uint8]
    """[height, width, 3], of the network's size."""
    shown: tuple[int, int]
    """Rows and columns of it that show the image; the rest is filled."""
    corner: tuple[int, int]
    """Its x and y in the resized image."""
    scale: NDArray[np.float32]
    """[4]: turns x1, y1, x2, y2 in the resized image into those of the image."""
    number: int
    """Of the tile, or WHOLE."""


class Places(NamedTuple):
    """T tiles."""

    boxes: NDArray[np.float32]
    """[T, 4] x1, y1, x2, y2 in the image."""
    whole: NDArray[np.float32]
    """[T, 4]: a box inside is seen whole by the tile: to just before its seams, and without end at the image's
    borders."""


def letterbox(image: NDArray[np.uint8], height: int, width: int, fill_rgb: Sequence[int]) -> View:
    """An image as large as it fits into [height, width, 3], at its upper left."""
    scale = min(height / image.shape[0], width / image.shape[1])
    rows, columns = (max(round(side * scale), 1) for side in image.shape[:2])
    canvas = _filled(_resized(image, (rows, columns)), (height, width), fill_rgb)
    return View(canvas, (rows, columns), (0, 0), _scale(image, (rows, columns)), WHOLE)


def in_tiles(image: NDArray[np.uint8], tiling: Tiling, network: tuple[int, int],
             fill_rgb: Sequence[int]) -> tuple[list[View], Places]:
    """All views of an image, and where its tiles lie.

    An image that is no larger than a tile has one view alone.

    Args:
        image: RGB [H, W, 3].
        tiling: How the model sees images.
        network: Height and width of its pictures: those of a tile, or less where no image was ever so high or wide.
        fill_rgb: Colour where a picture ends before them.
    """
    size = _shown_size(image, tiling, tiling.max_size_px)
    rows, columns = (_starts(side, tile, min(tiling.overlap_px, tile // 2))
                     for side, tile in zip(size, network, strict=True))
    corners = [(x, y) for y in rows for x in columns]
    if tiling.whole and len(corners) == 1:
        corners = []
    scale, resized = _scale(image, size), _resized(image, size)
    views = [_whole(image, tiling, network, fill_rgb)] if tiling.whole else []
    for number, (x, y) in enumerate(corners):
        part = resized[y:y + network[0], x:x + network[1]]
        views.append(View(_filled(part, network, fill_rgb), part.shape[:2], (x, y), scale, number))
    return views, _places(corners, size, network, tiling.seam_px, scale)


def _places(corners: Sequence[tuple[int, int]], size: tuple[int, int], network: tuple[int, int], seam_px: int,
            scale: NDArray[np.float32]) -> Places:
    x, y = np.array(corners, np.float32).reshape(-1, 2).T
    boxes = np.stack([x, y, np.minimum(x + network[1], size[1]), np.minimum(y + network[0], size[0])], 1)
    inwards = np.array([1, 1, -1, -1], np.float32)
    image = np.array([0, 0, size[1], size[0]], np.float32)
    whole = np.where(boxes == image, -inwards * np.inf, boxes + inwards * seam_px)
    return Places(boxes * scale, (whole * scale).astype(np.float32))


def _whole(image: NDArray[np.uint8], tiling: Tiling, network: tuple[int, int], fill_rgb: Sequence[int]) -> View:
    shown = _shown_size(image, tiling, min(tiling.max_size_px, tiling.tile_px))
    if shown[0] > network[0] or shown[1] > network[1]:
        return letterbox(image, *network, fill_rgb)
    return View(_filled(_resized(image, shown), network, fill_rgb), shown, (0, 0), _scale(image, shown), WHOLE)


def _shown_size(image: NDArray[np.uint8], tiling: Tiling, longest_px: int) -> tuple[int, int]:
    """Height and width after the short edge has become short_edge_px, or less if the long one would not fit."""
    sides = np.array(image.shape[:2], np.float32)
    scale = min(np.float32(tiling.short_edge_px) / sides.min(), np.float32(longest_px) / sides.max())
    height, width = np.maximum((sides * scale + np.float32(0.5)).astype(int), 1)
    return int(height), int(width)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of the fewest stretches of `tile` pixels that cover `length`, spread evenly."""
    rest = max(length - tile, 0)
    gaps = -(-rest // (tile - overlap))
    return [index * rest // max(gaps, 1) for index in range(gaps + 1)]


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    # As floats: over bytes OpenCV rounds its weights, and one value in eight would not be what training showed.
    return np.rint(cv2.resize(image.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)).astype(np.uint8)


def _filled(part: NDArray[np.uint8], size: tuple[int, int], fill_rgb: Sequence[int]) -> NDArray[np.uint8]:
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = fill_rgb
    canvas[:part.shape[0], :part.shape[1]] = part
    return canvas


def _scale(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.tile(np.divide(image.shape[1::-1], size[::-1]), 2).astype(np.float32)
