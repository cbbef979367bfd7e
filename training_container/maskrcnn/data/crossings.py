"""Outlines that cross themselves: what lies inside is then a matter of the drawing tool; pure geometry."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskrcnn.data.shapes import Box, CocoPolygons, MaskShape, Point, Polygon
from maskrcnn.data.tool_shapes import PillowPolygon, Union

_MOST_CORNERS = 2000
"""Longer outlines were traced by a program, not drawn by hand: comparing all pairs of their edges is not worth it."""


def crossing(shape: MaskShape | Box) -> Point | None:
    """Where an outline first crosses itself, x and y in pixels; None when it does not.

    Only edges that really cut through each other count: outlines that touch themselves in a corner or run back
    along an edge, as tools trace thin objects, are sound.
    """
    for ring in rings(shape):
        if point := _first_crossing(np.asarray(ring, np.float64).reshape(-1, 2)):
            return point
    return None


def rings(shape: MaskShape | Box) -> Iterator[tuple[Point, ...]]:
    """The outlines of a shape that was drawn as such, holes included; none for masks."""
    match shape:
        case Polygon():
            yield from (shape.exterior, *shape.interior)
        case PillowPolygon():
            yield shape.ring
        case CocoPolygons():
            for ring in shape.rings:
                yield tuple(zip(ring[::2], ring[1::2], strict=True))
        case Union():
            for part in shape.parts:
                yield from rings(part)


def _first_crossing(ring: NDArray[np.float64]) -> Point | None:
    """Edge i against all edges behind it, by the signs of the four triangles (proper intersection).

    Source: de Berg et al., "Computational Geometry" (2008), section 2.1.
    """
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]
    if not 4 <= len(ring) <= _MOST_CORNERS:
        return None
    begins, ends = ring, np.roll(ring, -1, axis=0)
    for i in range(len(ring) - 2):
        a, b, c, d = begins[i], ends[i], begins[i + 1 :], ends[i + 1 :]
        apart = _side(a, b, c) * _side(a, b, d) < 0
        across = _side(c, d, a[None]) * _side(c, d, b[None]) < 0
        if (hits := np.flatnonzero(apart & across)).size:
            x, y = _meet(a, b, c[hits[0]], d[hits[0]])
            return float(x), float(y)
    return None


def _side(a: NDArray[np.float64], b: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sign of the triangle a, b, p: on which side of a line a point lies."""
    (dx, dy), (px, py) = np.moveaxis(b - a, -1, 0), np.moveaxis(p - a, -1, 0)
    return np.asarray(np.sign(dx * py - dy * px))


def _meet(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The point where the lines a-b and c-d cut each other."""
    u, v, w = b - a, d - c, c - a
    share = (w[0] * v[1] - w[1] * v[0]) / (u[0] * v[1] - u[1] * v[0])
    return np.asarray(a + share * u)
