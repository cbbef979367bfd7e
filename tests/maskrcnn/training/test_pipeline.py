"""Batches: a function of seed and position."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from maskrcnn import hyperparameters
from maskrcnn.training import pipeline, records
from maskrcnn.training.donors import Donors
from maskrcnn.training.selection import Selection


@pytest.fixture
def settings(tiny):
    return hyperparameters.resolve(tiny).settings


TILES = {"image_size": "192", "max_size": "200", "tile_size": "128", "tile_overlap": "40", "tile_share": "0.5"}
DONORS = Donors(0.6, (1,), (2,), np.array([1.0]), (np.array([0, 3]),))
"""Six of ten images get holes of images 0 and 3, on their disks."""


@pytest.mark.parametrize(("given", "selection"), [
    ({}, None), ({}, Selection(np.array([1.0, 1.4, 1.0, 2.5, 1.0]), DONORS)), (TILES, None),
    (TILES, Selection(np.ones(5), DONORS))], ids=["whole", "whole, selected", "tiles", "tiles, selected"])
def test_batches_from_a_position_equal_those_of_a_straight_run(job, tiny, given, selection):
    settings = hyperparameters.resolve(tiny | given).settings
    found = records.scan(job.channel("train"))
    straight = list(itertools.islice(pipeline.batches(found, settings, 0, selection=selection), 5))
    entered = list(itertools.islice(pipeline.batches(found, settings, 6, selection=selection), 2))
    for expected, got in zip(straight[3:], entered, strict=True):
        for before, after in zip(expected, got, strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(("start", "selection"), [
    (0, None), (3, None), (3, Selection(np.array([1.0, 1.4, 1.0, 2.5, 1.0]), DONORS))])
def test_hosts_read_the_rows_of_the_joint_batch_between_them(job, tiny, start, selection):
    """Given batches of four, when two hosts with a device each read two rows, then together they read the four."""
    found = records.scan(job.channel("train"))
    joint, halves = (hyperparameters.resolve(tiny | {"batch_size_per_gpu": batch}, replicas).settings
                     for batch, replicas in (("4", 1), ("2", 2)))
    whole = pipeline.batches(found, joint, start, selection=selection)
    hosts = [pipeline.batches(found, halves, start, host, 2, selection) for host in (0, 1)]
    for batch, first, second in itertools.islice(zip(whole, *hosts, strict=False), 3):
        np.testing.assert_array_equal(batch.name, np.concatenate([first.name, second.name]))
        np.testing.assert_array_equal(batch.image, np.concatenate([first.image, second.image]))


def test_selection_decides_how_often_an_image_is_in_the_batches(job, settings):
    found = records.scan(job.channel("train"))
    twice_the_third = Selection(np.array([1.0, 1.0, 2.0, 1.0, 1.0]))
    for start in (0, 6):
        batches = pipeline.batches(found, settings, start, selection=twice_the_third)
        names = [name for batch in itertools.islice(batches, 3) for name in batch.name.numpy()]
        assert sorted(names) == sorted(f"part_1_{number}.png".encode() for number in (0, 1, 2, 2, 3, 4))


@pytest.mark.parametrize("mosaic", ["0", "1"])
def test_pasted_defects_come_from_their_donors(job, tiny, mosaic):
    """Given images with one hole each, when six of ten get a hole of image 0 or 3, then these have more."""
    found = records.scan(job.channel("train"))
    settings = hyperparameters.resolve(tiny | {"mosaic": mosaic, "batch_size_per_gpu": "1"}).settings
    batches = itertools.islice(pipeline.batches(found, settings, 0, selection=Selection(np.ones(5), DONORS)), 20)
    donors, holes = [], []
    for batch in batches:
        names = batch.name.numpy()[0].decode().split(" + ")
        donors += names[1:2] if len(names) in {2, 5} else []
        holes.append((names, int((batch.class_ids.numpy() == 2).sum())))
    assert len(donors) >= 6
    assert set(donors) == {"part_1_0.png", "part_1_3.png"}
    if mosaic == "0":
        assert all(count == 1 for names, count in holes if len(names) == 1)
        assert sum(count == 2 for names, count in holes if len(names) == 2) >= 6


def test_batch_pads_objects_with_class_0(tmp_path, settings, make_example, make_shard):
    make_shard(tmp_path, [
        make_example("one.png", 64, 64, [(1, (4, 4, 40, 40), True, False)]),
        make_example("none.png", 64, 64, []),
    ])
    batch = next(iter(pipeline.batches(records.scan(tmp_path), settings, 0)))
    assert sorted(batch.class_ids.numpy().ravel().tolist()) == [0, 1]
    assert batch.image.shape == (2, 64, 64, 3)
    assert sorted(batch.name.numpy().tolist()) == [b"none.png", b"one.png"]


def sizes_of(found, given, count=12):
    batches = itertools.islice(pipeline.batches(found, hyperparameters.resolve(given).settings, 0), count)
    return [(tuple(batch.image.shape[1:3]), tuple(batch.size.numpy()[0])) for batch in batches]


@pytest.mark.parametrize("mosaic", ["0", "0.5"])
def test_short_edge_is_drawn_from_the_range_for_each_image_and_again_the_same(job, tiny, mosaic):
    given = tiny | {"mosaic": mosaic, "batch_size_per_gpu": "1", "config:PREPROC.TRAIN_SHORT_EDGE_SIZE": "[40, 60]"}
    found = records.scan(job.channel("train"))
    edges = [size[0] for _, size in sizes_of(found, given)]
    assert 40 <= min(edges) < max(edges) <= 60
    assert len(set(edges)) > 3
    assert edges == [size[0] for _, size in sizes_of(found, given)]


@pytest.mark.parametrize("mosaic", ["0", "0.5"])
def test_one_short_edge_is_no_range(job, tiny, mosaic):
    given = tiny | {"mosaic": mosaic, "batch_size_per_gpu": "1", "config:PREPROC.TRAIN_SHORT_EDGE_SIZE": "48"}
    assert {size for _, size in sizes_of(records.scan(job.channel("train")), given, 4)} == {(48, 48)}


@pytest.mark.parametrize("mosaic", ["0", "1"])
def test_tiles_and_what_is_shown_whole_are_of_one_size(job, tiny, mosaic):
    """Given images that are larger than a tile, when half of them is shown whole, then the network sees tiles alone."""
    settings = hyperparameters.resolve(tiny | TILES | {"mosaic": mosaic}).settings
    batches = pipeline.batches(records.scan(job.channel("train")), settings, 0)
    assert {batch.image.shape[1:] for batch in itertools.islice(batches, 8)} == {(128, 128, 3)}


def test_share_of_tiles_decides_how_large_the_part_is(job, tiny):
    """Given a part of 36 of 64 pixels: 108 in a tile of the image three times as large, 72 in all of it."""
    for share, side in (("0", 72.0), ("1", 108.0)):
        settings = hyperparameters.resolve(tiny | TILES | {"tile_share": share}).settings
        batches = pipeline.batches(records.scan(job.channel("train")), settings, 0)
        boxes = np.concatenate([batch.boxes[batch.class_ids == 1] for batch in itertools.islice(batches, 10)])
        assert (boxes[:, 2:] - boxes[:, :2]).max() == pytest.approx(side, abs=0.01)


@pytest.mark.parametrize("mosaic", ["0", "0.5"])
def test_predefined_padding_gives_every_batch_one_of_the_shapes(job, tiny, mosaic):
    given = tiny | {"config:PREPROC.PREDEFINED_PADDING": "True", "mosaic": mosaic,
                    "config:PREPROC.PADDING_SHAPES": "[(64, 80), (64, 96)]"}
    assert set(sizes_of(records.scan(job.channel("train")), given, 4)) == {((64, 80), (64, 64))}


def test_augmentations_of_the_casting_repository_leave_batches_whole(job, tiny):
    settings = hyperparameters.resolve(tiny | {"AUG_PREST": "2"}).settings
    batch = next(iter(pipeline.batches(records.scan(job.channel("train")), settings, 0)))
    assert batch.image.shape == (2, 64, 64, 3)
    objects = batch.class_ids.numpy() > 0
    assert objects.any()
    boxes = batch.boxes.numpy()[objects]
    assert (boxes >= 0).all()
    assert (boxes <= 64).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (batch.masks.numpy()[objects].max((1, 2)) > 200).all()
