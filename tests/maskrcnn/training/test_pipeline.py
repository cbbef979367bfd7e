"""Batches: a function of seed and position."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from maskrcnn import hyperparameters
from maskrcnn.training import pipeline, records


@pytest.fixture
def settings(tiny):
    return hyperparameters.resolve(tiny).settings


def test_every_pass_shows_every_record_once_in_a_new_order():
    stream = list(itertools.islice(pipeline.order(7, seed=3, start=0), 21))
    passes = [[index for index, _ in stream[start : start + 7]] for start in (0, 7, 14)]
    assert [sorted(one) for one in passes] == [list(range(7))] * 3
    assert len({tuple(one) for one in passes}) == 3
    assert [position for _, position in stream] == list(range(21))


def test_order_can_be_entered_anywhere():
    straight = list(itertools.islice(pipeline.order(7, seed=3, start=0), 30))
    assert list(itertools.islice(pipeline.order(7, seed=3, start=11), 19)) == straight[11:]


def test_batches_from_a_position_equal_those_of_a_straight_run(job, settings):
    found = records.scan(job.channel("train"))
    straight = list(itertools.islice(pipeline.batches(found, settings, 0), 5))
    entered = list(itertools.islice(pipeline.batches(found, settings, 6), 2))
    for expected, got in zip(straight[3:], entered, strict=True):
        for before, after in zip(expected, got, strict=True):
            np.testing.assert_array_equal(before, after)


def test_batch_pads_objects_with_class_0(tmp_path, settings, make_example, make_shard):
    make_shard(tmp_path, [
        make_example("one.png", 64, 64, [(1, (4, 4, 40, 40), True, False)]),
        make_example("none.png", 64, 64, []),
    ])
    batch = next(iter(pipeline.batches(records.scan(tmp_path), settings, 0)))
    assert sorted(batch.class_ids.numpy().ravel().tolist()) == [0, 1]
    assert batch.image.shape == (2, 64, 64, 3)
    assert sorted(batch.name.numpy().tolist()) == [b"none.png", b"one.png"]
