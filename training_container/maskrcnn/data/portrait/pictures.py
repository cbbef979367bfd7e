"""Examples with their outlines, outliers as thumbnails, and where defects lie on the mean picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import LabelInstance
from maskrcnn import overlay, rle

TILE_PX = 232
THUMBNAIL_PX = 232
CONTEXT = 3.0
"""Side of the crop in longer sides of the object: what surrounds a defect tells what it is."""
MIN_CROP_PX = 48
MAP_PX = 420

Picture = NDArray[np.uint8]


def decode(body: bytes) -> Picture:
    """The RGB pixels [height, width, 3] of an image of the data set."""
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_BGR2RGB), np.uint8)


def example(image: Picture, instance: LabelInstance, color: overlay.Color) -> Picture:
    """A square crop [TILE_PX, TILE_PX, 3] around an object with its outline, or its box where it has no mask."""
    left, top, side = window(instance.bbox, (image.shape[1], image.shape[0]))
    scale = TILE_PX / side
    crop = _cut(image, left, top, side)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = np.asarray(cv2.resize(crop, (TILE_PX, TILE_PX), interpolation=how), np.uint8).copy()
    if instance.mask is None:
        x, y, width, height = instance.bbox
        corners = [(round((x - left) * scale), round((y - top) * scale)),
                   (round((x + width - left) * scale) - 1, round((y + height - top) * scale) - 1)]
        cv2.rectangle(tile, corners[0], corners[1], overlay.INK, 4)
        cv2.rectangle(tile, corners[0], corners[1], color, 2)
        return tile
    mask = _cut(np.asarray(rle.decode(instance.mask) * np.uint8(255)), left, top, side)
    enlarged = cv2.resize(mask, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR)
    contours, _ = cv2.findContours((enlarged > 127).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tile, contours, -1, overlay.INK, 4, cv2.LINE_AA)
    cv2.drawContours(tile, contours, -1, color, 2, cv2.LINE_AA)
    return tile


def window(bbox: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int]:
    """(left, top, side) in pixels of a square around a box, inside the image (width, height) as far as it fits."""
    x, y, width, height = bbox
    longer = max(width, height)
    largest = max(size)
    side = round(min(max(CONTEXT * longer, MIN_CROP_PX), largest, max(1.25 * longer, 640)))
    side = max(side, round(min(longer, largest)))
    left, top = round(x + width / 2 - side / 2), round(y + height / 2 - side / 2)
    return _inside(left, side, size[0]), _inside(top, side, size[1]), side


def thumbnail(image: Picture) -> Picture:
    """The whole image within a square."""
    scale = THUMBNAIL_PX / max(image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), np.uint8)


def heat_map(mean: NDArray[np.uint8], heat: NDArray[np.float64], size: tuple[int, int]) -> Picture:
    """Heat over the mean picture, in the proportions of an image (width, height); the hottest cell is brightest."""
    scale = MAP_PX / max(size)
    shape = (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))
    grey = cv2.resize(mean, shape, interpolation=cv2.INTER_CUBIC)
    share = cv2.resize(heat / (heat.max() or 1), shape, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    colors = cv2.cvtColor(cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    alpha = (0.9 * np.sqrt(share))[..., None]
    base = np.repeat(grey[..., None] * 0.8, 3, axis=2)
    return np.asarray((base * (1 - alpha) + colors * alpha).round(), np.uint8)


def _cut(image: Picture, left: int, top: int, side: int) -> Picture:
    """A square; where it reaches out of the image it is filled with grey."""
    height, width = image.shape[:2]
    inside = image[max(top, 0) : top + side, max(left, 0) : left + side]
    before = (max(-top, 0), max(-left, 0))
    after = (max(top + side - height, 0), max(left + side - width, 0))
    if not any((*before, *after)):
        return inside
    value = (128, 128, 128) if image.ndim == 3 else 0
    return np.asarray(cv2.copyMakeBorder(inside, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT,
                                         value=value), np.uint8)


def _inside(start: int, length: int, extent: int) -> int:
    """Where an interval begins that should stay inside; centred where it is longer than the image."""
    if length >= extent:
        return (extent - length) // 2
    return min(max(start, 0), extent - length)
