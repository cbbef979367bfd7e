"""Tiles of training images: what they show, and what becomes of the objects that they cut."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import TilesConfig
from maskrcnn.training import examples, tiles
from maskrcnn.training.examples import IGNORED

CONFIG = TilesConfig(size_px=128, overlap_px=40)
SEEDS = [tf.constant([5, number], tf.int64) for number in range(24)]
PART, HOLE = 1, 2


def at(monkeypatch, y, x):
    """Let the tile begin there."""
    monkeypatch.setattr(tiles, "_corner", lambda *_: tf.constant([y, x]))


@pytest.fixture
def scene(make_example):
    """A part of 140 pixels, and three holes: 12 x 12, 20 x 20 and 8 x 60 pixels."""
    objects = [(PART, (20, 30, 160, 170), True, False), (HOLE, (50, 60, 62, 72), True, False),
               (HOLE, (118, 100, 138, 120), True, False), (HOLE, (100, 140, 160, 148), True, False)]
    return examples.parse(make_example("scene.png", 200, 240, objects))


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_a_tile_shows_objects_where_its_boxes_say(scene, seed):
    tile = tiles.shown(scene, CONFIG, seed)
    assert tile.image.shape == (128, 128, 3)
    assert tile.size.numpy().tolist() == [128, 128]
    for box, class_id in zip(np.round(tile.boxes.numpy()).astype(int), tile.class_ids.numpy(), strict=True):
        if class_id == HOLE:
            assert (tile.image.numpy()[box[1] : box[3], box[0] : box[2]] == 120 + 60 * HOLE).all()


def test_what_is_not_larger_than_a_tile_is_shown_whole(make_example):
    small = examples.parse(make_example("small.png", 100, 128, [(HOLE, (5, 6, 30, 40), True, False)]))
    for ours, theirs in zip(tiles.shown(small, CONFIG, SEEDS[0]), small, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_tiles_an_example_stays_as_it_is(scene):
    assert tiles.shown(scene, TilesConfig(), SEEDS[0]) is scene


def test_an_object_inside_keeps_its_box_and_mask_bit_by_bit(scene, monkeypatch):
    at(monkeypatch, 40, 30)
    tile = tiles.shown(scene, CONFIG, SEEDS[0])
    np.testing.assert_array_equal(tile.boxes[1], scene.boxes[1] - [30, 40, 30, 40])
    np.testing.assert_array_equal(tile.masks[1], scene.masks[1])


def test_of_a_cut_object_the_visible_part_is_labelled_or_ignored(scene, monkeypatch):
    """Given a tile from x = 0 to 128: it shows half of the second hole, and 28 of 60 pixels of the third."""
    at(monkeypatch, 30, 0)
    tile = tiles.shown(scene, CONFIG, SEEDS[0])
    np.testing.assert_allclose(tile.boxes, [[20, 0, 128, 128], [50, 30, 62, 42], [118, 70, 128, 90],
                                            [100, 110, 128, 118]], atol=1e-3)
    assert tile.class_ids.numpy().tolist() == [PART, HOLE, HOLE, HOLE]


def test_less_than_its_share_is_ignored_and_comes_last(scene, monkeypatch):
    """Given a tile from x = 133: of the second hole it shows 5 of 20 pixels, of the third 27 of 60."""
    at(monkeypatch, 62, 112)
    assert tiles.shown(scene, CONFIG, SEEDS[0]).class_ids.numpy().tolist() == [PART, HOLE, HOLE]
    at(monkeypatch, 62, 133)
    tile = tiles.shown(scene._replace(image=tf.pad(scene.image, [[0, 0], [0, 60], [0, 0]])), CONFIG, SEEDS[0])
    assert tile.class_ids.numpy().tolist() == [PART, HOLE, IGNORED]
    np.testing.assert_allclose(tile.boxes[1:], [[0, 78, 27, 86], [0, 38, 5, 58]], atol=1e-3)


def test_a_small_share_of_a_large_object_is_still_one(scene, monkeypatch):
    """Given a tile that shows an eighth of the part, higher than the overlap: no other tile may show it whole."""
    at(monkeypatch, 40, 142)
    tile = tiles.shown(scene._replace(image=tf.pad(scene.image, [[0, 0], [0, 60], [0, 0]])), CONFIG, SEEDS[0])
    np.testing.assert_allclose(tile.boxes[0], [0, 0, 18, 128], atol=1e-3)
    assert tile.class_ids.numpy()[0] == PART


def test_a_cut_mask_and_its_box_are_around_what_is_seen(scene, monkeypatch):
    """Given an object whose mask is a triangle, when a tile shows its lower right, then the box ends where it does."""
    cell = np.arange(examples.MASK_CROP)
    triangle = (cell[:, None] >= cell[None]).astype(np.uint8)[None] * 255  # solid below the diagonal
    one = scene._replace(boxes=tf.constant([[20.0, 20.0, 132.0, 132.0]]), masks=tf.constant(triangle),
                         class_ids=tf.constant([HOLE]), has_mask=tf.constant([True]))
    at(monkeypatch, 0, 76)
    tile = tiles.shown(one, CONFIG, SEEDS[0])
    # Its upper half is empty there, and so are the last columns: what they hold lies below the tile.
    np.testing.assert_allclose(tile.boxes, [[0, 76, 52, 128]], atol=1e-3)
    mask = tile.masks[0].numpy() >= 128
    np.testing.assert_array_equal(mask[[5, 50], [50, 5]], [False, True])


def test_an_object_without_a_mask_is_its_box(make_example, monkeypatch):
    bare = examples.parse(make_example("bare.png", 200, 200, [(HOLE, (100, 20, 140, 40), False, False)]))
    at(monkeypatch, 0, 0)
    tile = tiles.shown(bare, CONFIG, SEEDS[0])
    np.testing.assert_allclose(tile.boxes, [[100, 20, 128, 40]], atol=1e-3)
    assert tile.has_mask.numpy().tolist() == [False]


def test_half_of_the_tiles_show_a_chosen_object_whole_and_rare_classes_as_often_as_others(make_example):
    """Given one chip (class 1) and eight holes far away from it, in an image that tiles show a ninth of."""
    holes = [(HOLE, (300 + 8 * n, 300, 306 + 8 * n, 306), True, False) for n in range(8)]
    image = examples.parse(make_example("image.png", 384, 384, [(1, (4, 4, 12, 12), True, False), *holes]))
    shown = [tiles.shown(image, CONFIG, tf.constant([7, number], tf.int64)).class_ids.numpy() for number in range(120)]
    share = np.mean([1 in ids for ids in shown])
    assert 0.17 < share < 0.36  # a quarter for its sake, some by chance


def test_tiles_lie_everywhere_and_depend_on_the_seed_alone(make_example):
    blank = examples.parse(make_example("blank.png", 192, 256, []))
    ramp = np.arange(256, dtype=np.uint8)[None, :, None] + np.zeros((192, 1, 3), np.uint8)
    blank = blank._replace(image=tf.constant(ramp))
    lefts = [int(tiles.shown(blank, CONFIG, seed).image[0, 0, 0]) for seed in SEEDS]
    assert lefts == [int(tiles.shown(blank, CONFIG, seed).image[0, 0, 0]) for seed in SEEDS]
    assert min(lefts) < 32 < 96 < max(lefts) <= 128
