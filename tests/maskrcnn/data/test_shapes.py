"""Every geometry becomes the mask that the tool which wrote it would draw."""

from __future__ import annotations

import base64
import io
import zlib

import numpy as np
import pytest
from maskrcnn.data import shapes
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.shapes import Bitmap, Box, CocoPolygons, CocoRle, Extent, Polygon, decode_bitmap
from PIL import Image
from pycocotools import mask as coco_mask

# pycocotools is compiled against an older NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# The test vector of Supervisely's SDK.
SDK_BITMAP = (
    "eJzrDPBz5+WS4mJgYOD19HAJAtLMIMwIInOeqf8BUmwBPiGuQPr///9Lb86/C2QxlgT5BTM4PLuRBuTwebo4hlTMSa44cOHAB6Dq"
    "Y0yORgq8YkAZBk9XP5d1TglNANAFGzA="
)
SDK_MASK = [[1, 1, 1], [1, 0, 0], [1, 1, 1]]


def test_the_sdks_bitmap_gives_the_sdks_mask():
    assert decode_bitmap(SDK_BITMAP).tolist() == np.array(SDK_MASK, bool).tolist()


def test_a_bitmap_lands_at_its_origin_x_then_y():
    shape = Bitmap(SDK_BITMAP, (4, 1))
    mask = shape.draw(10, 6)
    assert mask[1:4, 4:7].tolist() == np.array(SDK_MASK, bool).tolist()
    assert mask.sum() == 7
    assert shape.extent() == Extent(4, 1, 6, 3)


def test_a_bitmap_without_zlib_or_transparency_still_decodes():
    """Given the SDK's tolerated variants, then any channel that is not zero is the object."""
    stream = io.BytesIO()
    Image.fromarray(np.array(SDK_MASK, np.uint8) * 255).save(stream, "PNG")
    plain = base64.b64encode(stream.getvalue()).decode()
    assert decode_bitmap(plain).tolist() == np.array(SDK_MASK, bool).tolist()


@pytest.mark.parametrize("data", ["", "no base64 at all!", "aGVsbG8=", SDK_BITMAP[:40]])
def test_a_broken_bitmap_is_named_as_such(data):
    with pytest.raises(BadItemError) as caught:
        decode_bitmap(data)
    assert caught.value.rule == "bitmap-unreadable"


def test_a_bitmap_that_unpacks_to_more_than_a_picture_is_refused(monkeypatch):
    monkeypatch.setattr(shapes, "MAX_PNG_BYTES", 1000)
    bomb = base64.b64encode(zlib.compress(bytes(1_000_000))).decode()
    assert len(bomb) < 2000
    with pytest.raises(BadItemError) as caught:
        decode_bitmap(bomb)
    assert caught.value.rule == "bitmap-unreadable"
    assert "holds more than a picture" in str(caught.value.__cause__)


def test_a_bitmap_larger_than_any_photograph_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(shapes, "MAX_PIXELS", 8)
    decode_bitmap.cache_clear()
    with pytest.raises(BadItemError) as caught:
        decode_bitmap(SDK_BITMAP)
    assert "larger than any photograph" in str(caught.value.__cause__)


def test_an_empty_margin_of_a_bitmap_does_not_count_as_extent(bitmap):
    crop = np.zeros((4, 5))
    crop[1, 2] = 1
    item = bitmap(crop, 10, 20, "x")["bitmap"]
    assert Bitmap(item["data"], (10, 20)).extent() == Extent(12, 21, 12, 21)


def test_polygon_outlines_are_inclusive_and_a_hole_takes_its_border():
    shape = Polygon(((1, 1), (6, 1), (6, 6), (1, 6)), (((3, 3), (4, 3), (4, 4), (3, 4)),))
    mask = shape.draw(8, 8)
    expected = np.zeros((8, 8), bool)
    expected[1:7, 1:7] = True
    expected[3:5, 3:5] = False
    assert mask.tolist() == expected.tolist()
    assert shape.extent() == Extent(1, 1, 6, 6)


def test_polygon_points_are_rounded_before_drawing():
    mask = Polygon(((0.6, 0.6), (2.4, 0.6), (2.4, 2.4), (0.6, 2.4))).draw(5, 5)
    assert np.argwhere(mask).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


@pytest.mark.parametrize("ring", [((1.0, 1.0), (2.0, 2.0)), ((0.0, 0.0), (1.0, 1.0), (float("nan"), 0.0))])
def test_a_ring_that_is_no_polygon_is_refused(ring):
    with pytest.raises(BadItemError) as caught:
        Polygon(ring).extent()
    assert caught.value.rule == "polygon-invalid"


def test_a_hole_far_outside_counts_into_the_extent():
    """Given a hole at 1e12, then the extent shows it, before OpenCV would overflow."""
    shape = Polygon(((1, 1), (6, 1), (6, 6)), (((1e12, 1), (1e12, 2), (1e12, 3)),))
    assert shape.extent().right == 1e12


def test_coco_polygons_join_their_rings():
    mask = CocoPolygons(((0, 0, 2, 0, 2, 2, 0, 2), (4, 4, 6, 4, 6, 6, 4, 6))).draw(8, 8)
    expected = np.zeros((8, 8), bool)
    expected[0:2, 0:2] = expected[4:6, 4:6] = True
    assert mask.tolist() == expected.tolist()


def test_a_coco_polygon_may_end_at_the_outer_edge_of_the_last_pixel():
    assert CocoPolygons(((0, 0, 8, 0, 8, 8, 0, 8),)).extent() == Extent(0, 0, 7, 7)


def test_an_odd_number_of_coordinates_is_refused():
    with pytest.raises(BadItemError, match="x, y pairs"):
        CocoPolygons(((0, 0, 2, 0, 2, 2, 0),)).extent()


def test_uncompressed_rle_is_column_major_and_starts_with_zeros():
    """Given 2 zeros, 3 ones, 1 zero on a 3 high, 2 wide image, then the third pixel of column 0 is set."""
    mask = CocoRle((3, 2), (2, 3, 1)).draw(2, 3)
    assert mask.tolist() == [[False, True], [False, True], [True, False]]


def test_compressed_rle_gives_the_same_mask():
    original = np.random.default_rng(1).random((9, 7)) > 0.5
    counts = coco_mask.encode(np.asfortranarray(original, np.uint8))["counts"].decode()
    assert CocoRle((9, 7), counts).draw(7, 9).tolist() == original.tolist()


@pytest.mark.parametrize("counts", [(2, 3), (-1, 7), (), "~~~~", "é", "P", "", "5", "23", "O7"])
def test_a_broken_rle_is_refused_before_native_code_reads_it(counts):
    with pytest.raises(BadItemError) as caught:
        CocoRle((3, 2), counts).draw(2, 3)
    assert caught.value.rule == "rle-invalid"


def test_a_compressed_rle_that_ends_early_is_refused_instead_of_showing_what_lay_in_memory():
    """Given the code of a 10 x 10 mask that claims to be larger, then no pixel is made up."""
    counts = coco_mask.encode(np.asfortranarray(np.ones((10, 10), np.uint8)))["counts"].decode()
    with pytest.raises(BadItemError) as caught:
        CocoRle((200, 200), counts).draw(200, 200)
    assert caught.value.message.startswith("has runs that add up to 100 pixels instead of 40000")


def test_an_rle_of_another_size_is_refused():
    with pytest.raises(BadItemError) as caught:
        CocoRle((3, 2), (6,)).draw(4, 4)
    assert (caught.value.rule, "2x3 in an image of 4x4" in caught.value.message) == ("label-size-mismatch", True)


def test_a_box_has_no_mask():
    assert not hasattr(Box(0, 0, 1, 1), "draw")
