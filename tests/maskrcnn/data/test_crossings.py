"""An outline that cuts through itself is found; one that only touches itself is sound."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn.data.crossings import crossing
from maskrcnn.data.shapes import Box, CocoPolygons, CocoRle, Polygon
from maskrcnn.data.tool_shapes import PillowPolygon, Union

SQUARE = ((0, 0), (8, 0), (8, 8), (0, 8))
BOW_TIE = ((0, 0), (8, 8), (8, 0), (0, 8))


@pytest.mark.parametrize("shape", [
    Polygon(SQUARE),
    Polygon((*SQUARE, SQUARE[0])),                                # first point repeated
    Polygon(((0, 0), (8, 0), (8, 0), (8, 8), (0, 8))),            # a double click
    Polygon(((0, 0), (8, 0), (4, 0), (4, 6))),                    # runs back along an edge
    Polygon(((0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8))),    # touches itself in a corner
    Polygon(((0, 0), (8, 0), (8, 8), (4, 3), (0, 8))),            # concave
    Polygon(BOW_TIE[:3]),                                         # a triangle cannot
    Box(0, 0, 8, 8),
    CocoRle((4, 4), (16,)),
])
def test_sound_outlines(shape):
    assert crossing(shape) is None


@pytest.mark.parametrize("shape", [
    Polygon(BOW_TIE),
    Polygon(((-9, -9), (20, -9), (20, 20), (-9, 20)), (BOW_TIE,)),  # a hole counts too
    PillowPolygon(BOW_TIE),
    CocoPolygons(((20, 20, 30, 20, 30, 30), (0, 0, 8, 8, 8, 0, 0, 8))),
    Union((Polygon(SQUARE), Polygon(BOW_TIE))),
])
def test_a_bow_tie_crosses_in_its_middle(shape):
    assert crossing(shape) == (4.0, 4.0)


def test_a_long_hand_drawn_circle_with_one_loop_is_found_where_it_is():
    """Given 200 corners on a circle of radius 100, two neighbours swapped, then it crosses at these."""
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = np.stack([100 * np.cos(angles), 100 * np.sin(angles)], axis=1)
    assert crossing(Polygon(tuple(map(tuple, ring)))) is None
    ring[[50, 51]] = ring[[51, 50]]
    x, y = crossing(Polygon(tuple(map(tuple, ring))))
    assert np.hypot(x - ring[50, 0], y - ring[50, 1]) < 4
