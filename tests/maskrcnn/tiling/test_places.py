"""Tiles cover every pixel, all equal, with at least the overlap that was asked for."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from maskrcnn.model.config import SEAM_PX
from maskrcnn.tiling import places


@settings(deadline=None)
@given(length=st.integers(1, 5000), tile=st.integers(128, 1024), share=st.floats(0.04, 0.5))
def test_stretches_cover_every_pixel_and_overlap_as_asked(length, tile, share):
    overlap = max(int(tile * share), 1)
    starts = places.starts(length, tile, overlap).numpy()
    assert starts[0] == 0
    assert starts[-1] == max(length - tile, 0)  # none reaches beyond the image, and the last ends with it
    assert (np.diff(starts) > 0).all()
    assert (np.diff(starts) <= tile - overlap).all()


@settings(deadline=None)
@given(length=st.integers(1, 5000), tile=st.integers(128, 1024))
def test_no_fewer_stretches_would_do(length, tile):
    overlap = tile // 4
    count = len(places.starts(length, tile, overlap))
    assert (count - 1) * (tile - overlap) + overlap < length or count == 1


def test_tiles_by_hand():
    """Given 100 x 160 and tiles of 64 with an overlap of 20: two rows and, spread evenly, four columns."""
    tiles = places.cover(tf.constant([100, 160]), 64, 20)
    assert tiles.boxes.dtype == tf.float32
    x = [0, 32, 64, 96]
    expected = [[left, top, left + 64, top + 64] for top in (0, 36) for left in x]
    np.testing.assert_array_equal(tiles.boxes, expected)


def test_what_a_tile_sees_whole_ends_before_its_seams_and_never_at_a_border_of_the_image():
    tiles = places.cover(tf.constant([64, 100]), 64, 20)
    np.testing.assert_array_equal(tiles.boxes, [[0, 0, 64, 64], [36, 0, 100, 64]])
    far = np.float32(tf.float32.max)
    np.testing.assert_array_equal(tiles.whole, [[-far, -far, 64 - SEAM_PX, far], [36 + SEAM_PX, -far, far, far]])


def test_an_image_that_is_no_larger_than_a_tile_is_one_tile_of_its_own_size():
    tiles = places.cover(tf.constant([50, 64]), 64, 20)
    np.testing.assert_array_equal(tiles.boxes, [[0, 0, 64, 50]])
    assert np.isfinite(tiles.whole).all()
    assert np.abs(tiles.whole).min() > 1e9
