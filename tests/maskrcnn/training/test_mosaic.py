"""Close-ups and the canvas they make."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.training import examples, mosaic, pipeline, records

SEEDS = [tf.constant([5, number], tf.int64) for number in range(20)]


@pytest.fixture
def part(make_example):
    """A part over nearly all of the image, and a small defect in its lower right."""
    objects = [(1, (4, 4, 60, 60), True, False), (2, (44, 40, 54, 50), True, False)]
    return examples.parse(make_example("part.png", 64, 64, objects))


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_close_up_shows_objects_where_its_boxes_say(part, seed):
    tile = mosaic.close_up(part, 32, seed)
    assert tile.image.shape == (32, 32, 3)
    for box, class_id in zip(tile.boxes.numpy().astype(int), tile.class_ids.numpy(), strict=True):
        assert class_id == 2
        shown = tile.image.numpy()[box[1] : box[3], box[0] : box[2]]
        assert (shown == 120 + 60 * 2).all()


def test_close_up_leaves_out_what_it_cuts_too_much_and_finds_the_defect_often(part):
    ids = [mosaic.close_up(part, 32, seed).class_ids.numpy().tolist() for seed in SEEDS]
    assert all(1 not in found for found in ids)
    assert sum(2 in found for found in ids) > len(SEEDS) / 2


def test_cut_mask_covers_the_visible_part(make_example):
    """Given an object whose mask is its left half, when the window cuts off its right half, then all is mask."""
    left = examples.parse(make_example("a.png", 64, 64, [(1, (0, 0, 20, 20), True, False)]))
    half = np.zeros((1, examples.MASK_CROP, examples.MASK_CROP), np.uint8)
    half[:, :, : examples.MASK_CROP // 2] = 255
    left = left._replace(boxes=tf.constant([[20.0, 4.0, 44.0, 28.0]]), masks=tf.constant(half))
    for seed in SEEDS:
        tile = mosaic.close_up(left, 32, seed)
        for box, mask in zip(tile.boxes.numpy(), tile.masks.numpy(), strict=True):
            width = box[2] - box[0]
            cut_left = box[0] == 0
            seen = 12 - (24 - width) if cut_left else min(12, width)
            expected = np.clip(seen, 0, None) / width
            assert (mask > 127).mean() == pytest.approx(expected, abs=0.08)


def test_image_without_objects_still_gives_a_close_up(make_example):
    tile = mosaic.close_up(examples.parse(make_example("a.png", 40, 64, [])), 32, SEEDS[0])
    assert tile.image.shape == (32, 32, 3)
    assert tile.boxes.shape == (0, 4)


def test_panorama_lower_than_the_tile_is_filled_up_with_black(make_example):
    panorama = examples.parse(make_example("a.png", 20, 90, [(1, (40, 4, 60, 16), True, False)]))
    tile = mosaic.close_up(panorama, 32, SEEDS[0])
    assert tile.image.shape == (32, 32, 3)
    assert tile.size.numpy().tolist() == [32, 32]
    assert (tile.image.numpy()[20:] == 0).all()
    assert tile.boxes.numpy()[:, 3].tolist() == [16.0]


def test_canvas_places_the_tiles_in_reading_order(make_example):
    tiles = []
    for number in range(4):
        made = examples.parse(make_example(f"{number}.png", 32, 32, [(1, (2, 4, 2 + 5 + number, 20), True, False)]))
        tiles.append(made._replace(image=tf.ensure_shape(made.image, [32, 32, 3])))
    canvas = mosaic.assemble(tiles)
    assert canvas.image.shape == (64, 64, 3)
    np.testing.assert_allclose(
        canvas.boxes, [[2, 4, 7, 20], [34, 4, 40, 20], [2, 36, 9, 52], [34, 36, 42, 52]], rtol=1e-5)
    np.testing.assert_array_equal(canvas.image[:32, 32:], tiles[1].image)
    assert canvas.name.numpy() == b"0.png + 1.png + 2.png + 3.png"


def test_share_of_mosaics_in_the_batches(job, tiny):
    settings = hyperparameters.resolve(tiny | {"mosaic": "0.5", "batch_size_per_gpu": "1"}).settings
    found = records.scan(job.channel("train"))
    names = [batch.name.numpy()[0] for batch in itertools.islice(pipeline.batches(found, settings, 0), 30)]
    assert 8 <= sum(b" + " in name for name in names) <= 22
