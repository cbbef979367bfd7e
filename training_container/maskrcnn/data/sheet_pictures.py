"""Small pictures of findings: the place that is meant, with the outline that is meant; pure drawing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskrcnn.data.outlines import Outline

Picture = NDArray[np.uint8]
SIDE_PX = 260
_MARGIN = 0.6
_LEAST_CROP_PX = 96
_EDGE_PX = 8
_MEANT, _OTHER, _DARK, _BEYOND = (255, 70, 40), (120, 200, 255), (15, 15, 15), (128, 128, 134)


@dataclasses.dataclass(frozen=True)
class Place:
    """A crop in pixels of the image; it may reach beyond the image, where an outline does."""

    left: int
    top: int
    right: int
    bottom: int


def draw(image: Picture, meant: Sequence[Outline], others: Sequence[Outline] = ()) -> Picture:
    """The picture of a finding, at most SIDE_PX on its longer side.

    Args:
        image: RGB [H, W, 3].
        meant: Outlines of the object that the finding is about; the whole image is shown when there are none.
        others: What else to draw, thinner.
    """
    place = _place(meant, image.shape[1], image.shape[0])
    scale = SIDE_PX / max(place.right - place.left, place.bottom - place.top)
    crop = _crop(image, place)
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    canvas = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    for outlines, color, width in ((others, _OTHER, 1), (meant, _MEANT, 2)):
        lines = [_scaled(outline, place, scale) for outline in outlines]
        cv2.polylines(canvas, lines, True, _DARK, width + 2, cv2.LINE_AA)
        cv2.polylines(canvas, lines, True, color, width, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def _place(meant: Sequence[Outline], width: int, height: int) -> Place:
    """Around the outlines with a margin; what lies far outside the image is not followed to its end."""
    corners = [corner for outline in meant for corner in outline.ring]
    if not corners:
        return Place(0, 0, width, height)
    points = np.clip(np.asarray(corners), (-width / 2, -height / 2), (1.5 * width, 1.5 * height))
    if (points.max(axis=0) < 0).any() or (points.min(axis=0) > (width, height)).any():  # show how far off it is
        points = np.concatenate([points, [(0, 0), (width, height)]])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    reach = max(max(right - left, bottom - top) * (0.5 + _MARGIN / 2), _LEAST_CROP_PX / 2)
    x, y = (left + right) / 2, (top + bottom) / 2
    beyond = (
        left - _EDGE_PX if left < 0 else 0,
        top - _EDGE_PX if top < 0 else 0,
        right + _EDGE_PX if right > width else width,
        bottom + _EDGE_PX if bottom > height else height,
    )
    inside = Place(*(int(edge) for edge in beyond))
    return Place(
        max(int(x - reach), inside.left),
        max(int(y - reach), inside.top),
        min(int(x + reach) + 1, inside.right),
        min(int(y + reach) + 1, inside.bottom),
    )


def _crop(image: Picture, place: Place) -> Picture:
    height, width = image.shape[:2]
    inside = image[max(place.top, 0) : min(place.bottom, height), max(place.left, 0) : min(place.right, width)]
    if not inside.size:
        shape = (place.bottom - place.top, place.right - place.left, 3)
        return np.full(shape, _BEYOND, np.uint8)
    edges = (max(-place.top, 0), max(place.bottom - height, 0), max(-place.left, 0), max(place.right - width, 0))
    return np.asarray(cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT, value=_BEYOND), np.uint8)


def _scaled(outline: Outline, place: Place, scale: float) -> NDArray[np.int32]:
    """Corners in pixels of the drawing; a corner is the middle of its pixel."""
    points = (np.asarray(outline.ring) + 0.5 - (place.left, place.top)) * scale
    return np.clip(np.rint(points), -10_000, 10_000).astype(np.int32)
