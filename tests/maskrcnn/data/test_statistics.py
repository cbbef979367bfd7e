"""Tallies of shards add up to the statistics of a version."""

from __future__ import annotations

import statistics as standard

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.data import statistics

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord, ShardSummary

CLASSES = (ClassDefinition(1, "chipping", "defect"), ClassDefinition(2, "disk", "part"))


def summary(*labels):
    """A shard whose images hold chippings of these (area, longer side)."""
    tally = statistics.Tally()
    for label in labels:
        instances = tuple(LabelInstance("chipping", (0.0, 0.0, float(side), 1.0), None, area) for area, side in label)
        tally.add(LabelRecord("s", "png", "a.png", 64, 48, instances))
    return ShardSummary("name", len(labels), 1, tally.result())


def test_two_shards_add_up():
    """Given areas 10, 30 (one image) and 20 (another shard), then the median is 20 and nothing is counted twice."""
    chipping, disk = statistics.add_up(
        CLASSES, [("train", summary([(10, 4), (30, 8)], [])), ("test", summary([(20, 5)]))])
    assert (chipping.instances, chipping.images) == ({"train": 2, "test": 1}, {"train": 1, "test": 1})
    assert (chipping.median_area_px, chipping.median_longer_side_px) == (20.0, 5.0)
    assert (disk.instances, disk.median_area_px) == ({}, 0.0)


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (0.4, "0"), (7, "7"), (999, "999"), (1000, "1000"), (1004, "1000"), (1006, "1010"), (262144, "262000"),
    (999_999, "1000000"), (17.5, "18")])
def test_three_digits_are_kept(value, text):
    assert statistics.rounded(value) == text


@given(st.lists(st.integers(0, 999), min_size=1))
def test_the_median_is_the_textbooks(values):
    tally = {}
    for value in values:
        tally[str(value)] = tally.get(str(value), 0) + 1
    assert statistics.median(tally) == standard.median(values)


def test_of_nothing_the_median_is_0():
    assert statistics.median({}) == 0.0
