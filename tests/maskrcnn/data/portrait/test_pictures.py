"""Crops, outlines and charts on pictures and numbers small enough to follow."""

from __future__ import annotations

import re

import numpy as np
import pytest
from maskrcnn import rle
from maskrcnn.data.portrait import charts, pictures

from app.contracts.dataset import LabelInstance
from app.contracts.portrait import Histogram

RED = (255, 0, 0)


@pytest.mark.parametrize(("bbox", "size", "expected"), [
    ((100, 100, 20, 10), (512, 512), (80, 75, 60)),  # three longer sides around the middle
    ((100, 100, 4, 4), (512, 512), (78, 78, 48)),  # never fewer than 48 px around it
    ((0, 0, 20, 20), (512, 512), (0, 0, 60)),  # pushed inside
    ((10, 10, 400, 400), (512, 512), (0, 0, 512)),  # no larger than the image
    ((10, 5, 90, 20), (100, 40), (0, -30, 100)),  # a low image is centred in the square
])
def test_the_window_around_an_object(bbox, size, expected):
    assert pictures.window(bbox, size) == expected


def test_the_outline_is_where_the_mask_ends():
    """Given a grey image with a mask of 40 x 40 px in its middle, then only the surroundings of its edge turn red."""
    mask = np.zeros((120, 120), bool)
    mask[40:80, 40:80] = True
    instance = LabelInstance("x", (40.0, 40.0, 40.0, 40.0), rle.encode(mask), 1600)
    tile = pictures.example(np.full((120, 120, 3), 128, np.uint8), instance, RED)
    assert tile.shape == (pictures.TILE_PX, pictures.TILE_PX, 3)
    red = (tile[..., 0] > 200) & (tile[..., 1] < 60)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    scale = pictures.TILE_PX / 120
    assert (rows[0], columns[0]) == pytest.approx((40 * scale, 40 * scale), abs=3)
    assert (rows[-1], columns[-1]) == pytest.approx((80 * scale, 80 * scale), abs=3)
    assert (tile[110:120, 110:120] == 128).all()


def test_a_box_is_drawn_as_a_box():
    instance = LabelInstance("x", (40.0, 40.0, 40.0, 40.0), None, 1600)
    tile = pictures.example(np.full((120, 120, 3), 128, np.uint8), instance, RED)
    corner = round(40 * pictures.TILE_PX / 120)
    assert tile[corner, corner].tolist() == list(RED)


def test_the_hottest_place_is_brightest_and_cold_ones_show_the_mean_picture():
    heat = np.zeros((48, 48))
    heat[10, 20] = 3.0
    picture = pictures.heat_map(np.full((192, 192), 100, np.uint8), heat, (512, 256))
    assert picture.shape == (210, 420, 3)
    assert picture[200, 400].tolist() == [80, 80, 80]
    row, column = np.unravel_index(picture.sum(axis=2).argmax(), picture.shape[:2])
    assert (row / 210 * 48, column / 420 * 48) == pytest.approx((10.5, 20.5), abs=1)


def test_a_histogram_is_drawn_to_scale():
    """Given counts 1 and 4, then one bar is four times as high as the other, and an empty bin has none."""
    chart = charts.bars(Histogram((1.0, 2.0, 4.0, 8.0, 16.0), (0, 1, 4, 0)), label="a <b>", x_title="px")
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', chart)]
    assert heights == [pytest.approx(25.0), pytest.approx(100.0)]
    assert "2 to 4: 1" in chart
    assert "<b>" not in chart


def test_the_axis_begins_at_an_even_bin():
    histogram = Histogram(tuple(float(n) for n in range(9)), (0, 0, 0, 0, 1, 0, 0, 0))
    assert charts.extent([histogram]) == (2, 6)
    assert charts.extent([Histogram((0.0, 1.0, 2.0), (0, 0))]) == (0, 2)
