"""What a finding means is outlined where the label says it is, also where that cannot be used."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn.data import outlines, sheet_pictures
from maskrcnn.data.findings import error
from maskrcnn.data.outlines import Outline
from maskrcnn.data.samples import LabelledShape, Sample
from maskrcnn.data.shapes import Bitmap, Box, CocoPolygons, CocoRle, Polygon
from maskrcnn.data.tool_shapes import Union, rle_of

from app.contracts.dataset import LabelInstance

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(("name", "number"), [
    ("mask 3 (chipping)", 3), ("box 12", 12), ("image", None), ("annotation", None), ("image mask 3.png", None)])
def test_the_number_of_an_object(name, number):
    assert outlines.number_of(name) == number


def corners(shape, bitmap=None):
    sample = Sample("a.png", "a.json", "a.png", None, (LabelledShape("x", Box(0, 0, 1, 1)), LabelledShape("x", shape)))
    found = outlines.of_sample(sample, [error("a.png", "mask 2 (x)", "some-rule", "is wrong")])
    assert {outline.number for outline in found} <= {2}
    return [sorted(set(outline.ring)) for outline in found]


def test_shapes_as_the_tool_wrote_them(bitmap):
    square = np.zeros((8, 9), bool)
    square[2:5, 3:7] = True
    item = bitmap(np.ones((3, 4)), 60, -2, "x")["bitmap"]
    pixels = [(3.0, 2.0), (3.0, 4.0), (6.0, 2.0), (6.0, 4.0)]
    assert corners(Box(1, 2, 5, 9)) == [[(1, 2), (1, 9), (5, 2), (5, 9)]]
    assert corners(Polygon(((70, 1), (90, 1), (90, 5)))) == [[(70, 1), (90, 1), (90, 5)]]
    assert corners(CocoPolygons(((1, 2, 3, 4, 5, 0),))) == [[(1, 2), (3, 4), (5, 0)]]
    assert corners(rle_of(square)) == [pixels]
    assert corners(Bitmap(item["data"], (60, -2))) == [[(60, -2), (60, 0), (63, -2), (63, 0)]]
    assert len(corners(Union((Polygon(((0, 0), (2, 0), (2, 2))), Polygon(((5, 5), (7, 5), (7, 7))))))) == 2


def test_what_is_too_broken_to_draw_has_no_outline():
    assert corners(Bitmap("@@@", (0, 0))) == []
    assert corners(CocoRle((4, 4), (99,))) == []
    assert corners(Polygon(((float("nan"), 0), (1, 1), (2, 0)))) == []


def test_a_place_beyond_the_integers_of_opencv(bitmap):
    data = bitmap(np.ones((3, 4)), 0, 0, "x")["bitmap"]["data"]
    assert corners(Bitmap(data, (10**300, 0)))[0][0] == (1e300, 0)
    assert corners(Bitmap(data, (10**400, 0))) == []


def test_a_box_of_an_accepted_label():
    instance = LabelInstance("x", (1.0, 2.0, 4.0, 5.0), None, 20)
    assert outlines.of_instance(7, instance) == (Outline(7, ((1, 2), (5, 2), (5, 7), (1, 7))),)


def square(x, y, side):
    return Outline(1, ((x, y), (x + side, y), (x + side, y + side), (x, y + side)))


def red(picture):
    return (picture[..., 0].astype(int) - picture[..., 2] > 120)


def test_a_small_object_is_shown_large_in_its_surroundings():
    """Given an object of 10 px in an image of 400, then the crop is 96 px wide, 2.7 times enlarged."""
    picture = sheet_pictures.draw(np.full((400, 400, 3), 90, np.uint8), [square(200, 150, 10)])
    assert max(picture.shape) == sheet_pictures.SIDE_PX
    rows, columns = np.nonzero(red(picture))
    assert 20 < columns.max() - columns.min() < 40
    assert abs((columns.max() + columns.min()) / 2 - 130) < 6
    assert abs((rows.max() + rows.min()) / 2 - 130) < 6


def test_what_lies_outside_is_shown_on_grey():
    """Given an object that hangs over the right edge, then the crop goes on beyond the image, in another grey."""
    picture = sheet_pictures.draw(np.full((200, 200, 3), 60, np.uint8), [square(180, 90, 40)])
    assert picture[5, 5].tolist() == [60, 60, 60]
    assert picture[5, -5].tolist() == [128, 128, 134]
    assert red(picture)[:, -60:].any()


def test_an_object_wholly_outside_is_shown_beside_the_image():
    picture = sheet_pictures.draw(np.full((200, 200, 3), 60, np.uint8), [square(230, 90, 20)])
    assert (picture == 60).all(axis=2).any()
    assert red(picture).any()


def test_an_object_too_far_away_to_show():
    picture = sheet_pictures.draw(np.full((200, 200, 3), 60, np.uint8), [square(1e300, 90, 20)])
    assert (picture == 60).all(axis=2).any()


def test_without_an_object_the_whole_image_is_shown():
    picture = sheet_pictures.draw(np.full((100, 200, 3), 60, np.uint8), [], [square(20, 20, 40)])
    assert picture.shape == (130, 260, 3)
    assert not red(picture).any()
    assert (picture != 60).any()
