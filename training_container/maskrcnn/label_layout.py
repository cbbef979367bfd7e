"""Where to write labels in a picture so that they hide as little as possible; pure geometry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""

DISTANCES_PX = (3, 16, 34, 60, 95, 140)
HIDING_A_LABEL = 3.0
"""An unreadable label is worse than a touched outline."""
PER_PIXEL_AWAY = 1.5


def place_labels(
    boxes: Sequence[Box], sizes: Sequence[tuple[int, int]], obstacles: Sequence[Box], canvas: tuple[int, int]
) -> list[Box]:
    """Choose a rectangle for each label, one after the other, each where it costs least.

    Args:
        boxes: What each label names.
        sizes: (width, height) of each label.
        obstacles: Boxes that should stay visible.
        canvas: (width, height) of the picture; labels stay inside.
    """
    placed: list[Box] = []
    for box, size in zip(boxes, sizes, strict=True):
        candidates = [_inside(spot, canvas) for spot in _candidates(box, size)]
        placed.append(min(candidates, key=lambda spot: _cost(spot, box, obstacles, placed)))
    return placed


def overlap_px(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _candidates(box: Box, size: tuple[int, int]) -> Iterator[Box]:
    """Spots around the box: above, below, right, left and the corners, nearer ones first."""
    width, height = size
    middle_x, middle_y = (box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2
    for gap in DISTANCES_PX:
        above, below = box[1] - gap - height, box[3] + gap
        left, right = box[0] - gap - width, box[2] + gap
        corners = itertools.product((left, right), (above, below))
        for x, y in (
            (box[0], above),
            (middle_x, above),
            (right, middle_y),
            (middle_x, below),
            (left, middle_y),
            *corners,
        ):
            yield (x, y, x + width, y + height)


def _inside(spot: Box, canvas: tuple[int, int]) -> Box:
    """Push a spot back into the picture."""
    dx = max(0.0, -spot[0]) - max(0.0, spot[2] - canvas[0])
    dy = max(0.0, -spot[1]) - max(0.0, spot[3] - canvas[1])
    return (spot[0] + dx, spot[1] + dy, spot[2] + dx, spot[3] + dy)


def _cost(spot: Box, box: Box, obstacles: Sequence[Box], placed: Sequence[Box]) -> float:
    hidden = sum(overlap_px(spot, obstacle) for obstacle in obstacles)
    hidden += HIDING_A_LABEL * sum(overlap_px(spot, other) for other in placed)
    return hidden + PER_PIXEL_AWAY * _gap(spot, box)


def _gap(a: Box, b: Box) -> float:
    """Distance between two boxes."""
    x = max(a[0] - b[2], b[0] - a[2], 0.0)
    y = max(a[1] - b[3], b[1] - a[3], 0.0)
    return float((x * x + y * y) ** 0.5)
