"""Objects on seams, by hand: tiles of 100 with an overlap of 40, so x and y from 60 to 100 are seen by two tiles."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.tiling import merging, places
from maskrcnn.tiling.views import WHOLE, Views

TWO = places.cover(tf.constant([100, 160]), 100, 40)  # left 0 to 100, right 60 to 160
FOUR = places.cover(tf.constant([160, 160]), 100, 40)
SIDE = 28


def views(tiles: places.Places, *found: tuple) -> Views:
    """Of (view, box, score) with class 1 and a full mask, or (view, box, score, class), or with a mask behind it."""
    filled = [(*one, *((1, np.ones((SIDE, SIDE)))[len(one) - 3:])) for one in found]
    numbers, boxes, scores, ids, masks = zip(*filled, strict=True)
    return Views(RawDetections(tf.constant(boxes, tf.float32), tf.constant(scores, tf.float32),
                               tf.constant(ids, tf.int32), tf.constant(np.stack(masks), tf.float32)),
                 tf.constant(numbers, tf.int32), tiles)


def merged(tiles: places.Places, *found: tuple, keep: int = 100) -> list[tuple[list[float], float]]:
    result = merging.merge(views(tiles, *found), keep)
    return [([float(v) for v in box], round(float(score), 4)) for box, score in zip(*result[:2], strict=True)]


def test_one_object_in_the_strip_that_both_tiles_see_comes_once_from_the_surer_tile():
    left, right = (0, [70, 10, 85, 25], 0.8), (1, [71, 10, 86, 25], 0.9)
    assert merged(TWO, left, right) == [([71, 10, 86, 25], 0.9)]


def test_a_fragment_of_what_the_neighbour_sees_whole_is_dropped_even_where_it_is_surer():
    """Given an object from 80 to 120: the left tile sees half of it and is sure, the right tile all of it."""
    assert merged(TWO, (0, [80, 10, 100, 30], 0.9), (1, [80, 10, 120, 30], 0.6)) == [([80, 10, 120, 30], 0.6)]


def test_a_fragment_of_what_the_neighbour_should_see_whole_is_dropped_where_the_neighbour_is_silent():
    assert merged(TWO, (0, [80, 10, 100, 30], 0.9), (0, [5, 5, 20, 20], 0.3)) == [([5, 5, 20, 20], 0.3)]


def test_a_box_that_ends_just_before_a_seam_is_a_fragment_and_one_at_the_border_of_the_image_is_none():
    at_seam, at_border = (0, [80, 10, 97, 30], 0.9), (1, [140, 10, 160, 30], 0.5)
    assert merged(TWO, at_seam, at_border) == [([140, 10, 160, 30], 0.5)]


def test_an_object_on_the_seam_of_two_tiles_longer_than_the_overlap_is_put_together():
    """Given a bar from 30 to 130: each tile sees a part that reaches its seam."""
    assert merged(TWO, (0, [30, 10, 100, 30], 0.7), (1, [60, 10, 130, 30], 0.9)) == [([30, 10, 130, 30], 0.9)]


def test_the_mask_of_an_object_that_was_put_together_is_the_union():
    """Given an L: a long bar in both tiles, and a leg down at its left end that the left tile alone sees."""
    bar, leg = np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE))
    bar[:14], leg[14:, 7:] = 1.0, 0.0
    result = merging.merge(views(TWO, (0, [30, 10, 100, 50], 0.9, 1, leg), (1, [60, 10, 130, 50], 0.8, 1, bar)), 9)
    np.testing.assert_array_equal(result.boxes, [[30, 10, 130, 50]])
    mask = result.masks[0].numpy() >= 0.5
    assert mask[2:12, 1:-1].all()  # the bar over the whole length
    assert mask[16:, 1:4].all()
    assert not mask[16:, 7:].any()


def test_an_object_on_the_seams_of_four_tiles_is_put_together():
    quarters = [(0, [20, 20, 100, 100], 0.5), (1, [60, 20, 140, 100], 0.6), (2, [20, 60, 100, 140], 0.7),
                (3, [60, 60, 140, 140], 0.8)]
    assert merged(FOUR, *quarters) == [([20, 20, 140, 140], 0.8)]


def test_a_small_object_where_four_tiles_meet_comes_once():
    box = [75, 75, 88, 88]
    assert merged(FOUR, *[(tile, box, 0.5 + tile / 10) for tile in range(4)]) == [(box, 0.8)]


def test_a_bar_across_three_tiles_is_put_together_by_the_one_in_the_middle():
    tiles = places.cover(tf.constant([100, 220]), 100, 40)
    parts = [(0, [30, 10, 100, 30], 0.7), (1, [60, 10, 160, 30], 0.6), (2, [120, 10, 190, 30], 0.5)]
    assert merged(tiles, *parts) == [([30, 10, 190, 30], 0.7)]


def test_two_bars_that_meet_at_a_seam_and_agree_nowhere_stay_two():
    above, below = (0, [30, 10, 100, 30], 0.7), (1, [60, 32, 130, 52], 0.9)
    assert merged(TWO, above, below) == [([60, 32, 130, 52], 0.9), ([30, 10, 100, 30], 0.7)]


def test_parts_of_different_classes_stay_apart():
    assert len(merged(TWO, (0, [30, 10, 100, 30], 0.7, 1), (1, [60, 10, 130, 30], 0.9, 2))) == 2
    assert len(merged(TWO, (0, [70, 10, 85, 25], 0.8, 1), (1, [70, 10, 85, 25], 0.9, 2))) == 2


def test_a_large_object_comes_from_the_whole_image_with_the_score_of_its_surest_part():
    """Given a disk that fills the image: its parts in the tiles are surer than the view that shows all of it."""
    disk = (WHOLE, [2, 2, 158, 98], 0.6)
    parts = [(0, [2, 2, 100, 98], 0.9), (1, [60, 2, 158, 98], 0.8)]
    assert merged(TWO, disk, *parts) == [([2, 2, 158, 98], 0.9)]


def test_a_false_part_inside_of_a_large_object_falls_by_score_and_a_small_object_on_it_stays():
    disk, hub, chip = (WHOLE, [2, 2, 158, 98], 0.9), (0, [20, 20, 50, 50], 0.1), (0, [20, 20, 30, 30], 0.4, 2)
    assert merged(TWO, disk, hub, chip) == [([2, 2, 158, 98], 0.9), ([20, 20, 30, 30], 0.4)]


def test_a_small_object_does_not_take_away_a_long_fragment_around_it():
    """Given a bar at the seam and, within it, a small object that the whole image shows."""
    bar, spot = (0, [10, 10, 100, 40], 0.9), (WHOLE, [20, 15, 30, 25], 0.2)
    assert merged(TWO, bar, spot) == [([10, 10, 100, 40], 0.9), ([20, 15, 30, 25], 0.2)]


def test_overlapping_objects_of_one_view_stay_as_the_network_found_them():
    outer, inner = (0, [10, 10, 50, 50], 0.9), (0, [20, 20, 40, 40], 0.8)
    assert len(merged(TWO, outer, inner)) == 2


def test_masks_decide_not_boxes():
    """Given two thin diagonals crossing within nearly the same box, one from each view: two objects."""
    eye = np.eye(SIDE)
    thick = np.minimum(eye + np.roll(eye, 1, 1) + np.roll(eye, -1, 1), 1.0)
    of_tile, box = (0, [10, 10, 50, 50], 0.9, 1, thick), [10, 10, 50, 50]
    assert len(merged(TWO, of_tile, (WHOLE, box, 0.8, 1, thick[:, ::-1]))) == 2
    assert len(merged(TWO, of_tile, (WHOLE, box, 0.8, 1, thick))) == 1


def test_the_best_are_kept_by_falling_score():
    found = [(0, [10 * n, 40, 10 * n + 5, 45], 0.1 * n) for n in (2, 4, 1, 3)]
    assert [score for _, score in merged(TWO, *found, keep=3)] == [0.4, 0.3, 0.2]


@pytest.mark.parametrize("side", [0, SIDE])
def test_nothing_found_is_nothing_merged(side):
    nothing = RawDetections(tf.zeros([0, 4]), tf.zeros([0]), tf.zeros([0], tf.int32), tf.zeros([0, side, side]))
    result = merging.merge(Views(nothing, tf.zeros([0], tf.int32), TWO), 9)
    assert [part.shape for part in result] == [(0, 4), (0,), (0,), (0, side, side)]


def test_boxes_alone_are_put_together_too():
    found = views(TWO, (0, [30, 10, 100, 30], 0.7), (1, [60, 10, 130, 30], 0.9), (0, [5, 5, 20, 9], 0.3))
    bare = found._replace(found=found.found._replace(masks=tf.zeros([3, 0, 0])))
    result = merging.merge(bare, 9)
    np.testing.assert_array_equal(result.boxes, [[30, 10, 130, 30], [5, 5, 20, 9]])
    assert result.masks.shape == (2, 0, 0)
