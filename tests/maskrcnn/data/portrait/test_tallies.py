"""Counts, distributions, heat and pixels, on labels and images small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn import rle
from maskrcnn.data.portrait.distributions import SIZE_EDGES, Bins, Values, percentiles
from maskrcnn.data.portrait.heat import GRID, HeatMaps
from maskrcnn.data.portrait.labels import LabelTally
from maskrcnn.data.portrait.pixels import PixelTally, modified_z, sharpness
from maskrcnn.data.portrait.sampling import Lowest, draw

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord, Member

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "holes", "defect"), ClassDefinition(3, "x", "defect"))


def member(name, split="train"):
    return Member(name, "png", f"label of {name}", f"img/{name}.png", name, split, 64, 48, 0)


def record(*objects, size=(64, 48), tags=()):
    """Objects are (class, x, y, width, height), filled."""
    instances = []
    for class_name, x, y, width, height in objects:
        mask = np.zeros((size[1], size[0]), bool)
        mask[y : y + height, x : x + width] = True
        box = (float(x), float(y), float(width), float(height))
        instances.append(LabelInstance(class_name, box, rle.encode(mask), width * height))
    return LabelRecord("0", "png", "n", *size, tuple(instances), tags)


def test_a_sample_does_not_depend_on_the_order():
    """Given a thousand items in two orders, then the same hundred are kept, and not the first ones."""
    samples = []
    for seed in (1, 2):
        items = np.random.default_rng(seed).permutation(1000).tolist()
        kept = Lowest(100)
        for item in items:
            kept.add(draw("photograph", item), item)
        samples.append(kept.items())
    assert samples[0] == samples[1]
    assert len(set(samples[0])) == 100
    assert 300 < np.mean(samples[0]) < 700


def test_extremes_stay_and_ties_keep_who_came_first():
    kept = Lowest(2)
    for key, item in ((5, "a"), (3, "b"), (9, "c"), (3, "d"), (1, "e")):
        kept.add(key, item)
    assert kept.items() == ["e", "b"]


def test_bins_hold_their_left_edge_and_the_outer_ones_what_lies_beyond():
    bins = Bins(np.asarray([0.0, 1.0, 2.0, 4.0]))
    for value in (-5, 0, 1, 1.99, 2, 4, 100):
        bins.add(value)
    assert bins.result().counts == (2, 2, 3)


def test_size_edges_are_two_an_octave_and_name_the_limit_of_small():
    assert list(SIZE_EDGES) == pytest.approx([2 * 2 ** (n / 2) for n in range(23)])
    assert 32 in SIZE_EDGES.round(9)


def test_five_numbers():
    values = Values(np.asarray([0.0, 100.0]))
    for number in range(11):
        values.add(number, float(number * 10))
    spread = values.spread()
    assert (spread.low, spread.p10, spread.median, spread.p90, spread.high) == (0, 10, 50, 90, 100)
    assert percentiles([1.0, 2.0], (50,)) == [1.5]
    assert Values(np.asarray([0.0, 1.0])).spread() is None


def test_objects_are_counted_by_class_split_and_size():
    """Given areas of 1023, 1024 and 9216 px, then they are small, medium and large as COCO has it."""
    labels = LabelTally(CLASSES)
    wide = (200, 200)
    labels.add(member("a"), record(("holes", 0, 0, 31, 33), ("holes", 0, 50, 32, 32), ("disk", 50, 50, 96, 96),
                                   size=wide))
    labels.add(member("b", "test"), record(("holes", 0, 0, 8, 2), size=wide))
    disk, holes, other = (tally.result() for tally in labels.classes.values())
    assert (holes.instances, holes.images) == ({"train": 2, "test": 1}, {"train": 1, "test": 1})
    assert (holes.small, holes.medium, holes.large) == (2, 1, 0)
    assert (disk.small, disk.medium, disk.large) == (0, 0, 1)
    assert (holes.area_px.low, holes.area_px.median, holes.area_px.high) == (16, 1023, 1024)
    assert (holes.aspect.low, holes.longer_side_px.high) == (0.25, 33)
    assert (other.total, other.area_px) == (0, None)


def test_who_is_together_and_who_has_no_defect():
    """Given the part alone, nothing at all, and a defect, then two images are without a defect."""
    labels = LabelTally(CLASSES)
    labels.add(member("a"), record(("disk", 0, 0, 40, 40), tags=("good",)))
    labels.add(member("b"), record())
    labels.add(member("c", "val"), record(("disk", 0, 0, 40, 40), ("holes", 5, 5, 4, 4), ("holes", 9, 9, 4, 4)))
    assert labels.together == ((2, 1, 0), (1, 1, 0), (0, 0, 0))
    assert (labels.without_defect["train"], labels.without_defect["val"]) == (2, 0)
    assert labels.objects.result().counts[:4] == (1, 1, 0, 1)
    assert (labels.tags, labels.sizes) == ({"good": 1}, {(64, 48): 3})


def test_crowds_are_counted_and_measured_nowhere():
    labels = LabelTally(CLASSES)
    crowd = LabelInstance("holes", (0.0, 0.0, 30.0, 30.0), None, 900, is_crowd=True)
    labels.add(member("a"), LabelRecord("0", "png", "n", 64, 48, (crowd,)))
    holes = labels.classes["holes"].result()
    assert (holes.total, holes.crowds, holes.boxes_only, holes.small) == (1, 1, 1, 0)
    assert (holes.area_px, labels.boxes.items()) == (None, [])


def test_examples_are_the_largest_the_middle_and_the_smallest_each_once():
    labels = LabelTally(CLASSES)
    for side in (2, 4, 6, 8, 10):
        labels.add(member(f"m{side}"), record(("holes", 0, 0, side, side)))
    chosen = [(kind, shown.area_px) for kind, shown in labels.classes["holes"].examples(1)]
    assert chosen == [("largest", 100), ("median", 36), ("smallest", 4)]
    labels = LabelTally(CLASSES)
    labels.add(member("only"), record(("holes", 0, 0, 3, 3)))
    assert [(kind, s.area_px) for kind, s in labels.classes["holes"].examples(2)] == [("only", 9)]


def test_heat_is_the_share_of_a_cell():
    """Given a grid of two pixels a cell, then an object of 3 x 2 px covers one cell and half of the next."""
    heat = HeatMaps(CLASSES)
    heat.add(record(("holes", 0, 0, 3, 2), size=(2 * GRID, 2 * GRID)))
    heat.add(record(("holes", 0, 0, 2, 2), ("disk", 0, 0, 90, 90), size=(2 * GRID, 2 * GRID)))
    assert heat.by_class["holes"][0, :3].tolist() == [2.0, 0.5, 0.0]
    assert heat.by_class["holes"].sum() == pytest.approx(2.5)
    assert heat.defects().sum() == pytest.approx(2.5)
    assert heat.by_class["disk"].sum() == pytest.approx(90 * 90 / 4, rel=1e-5)


def test_cells_need_not_be_whole_pixels():
    """Given 24 pixels on 48 cells, then one pixel fills four cells; given 72, then one and a half make a cell."""
    heat = HeatMaps(CLASSES)
    heat.add(record(("holes", 1, 0, 1, 1), size=(GRID // 2, GRID // 2)))
    assert heat.defects()[:2, 2:4].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert heat.defects().sum() == 4.0
    heat = HeatMaps(CLASSES)
    heat.add(record(("holes", 0, 0, 1, 72), size=(72, 72)))
    assert heat.defects()[:, 0] == pytest.approx([2 / 3] * GRID)
    assert heat.defects()[:, 1:].max() == 0.0


def test_a_box_is_hot_all_over():
    heat = HeatMaps(CLASSES)
    box = LabelInstance("holes", (0.0, 0.0, float(GRID), float(2 * GRID)), None, 1)
    heat.add(LabelRecord("0", "png", "n", 2 * GRID, 2 * GRID, (box,)))
    assert heat.defects().sum() == pytest.approx(GRID * GRID / 2)
    assert heat.defects()[:, : GRID // 2].min() == pytest.approx(1.0)


def test_sharpness_of_one_bright_pixel():
    """Given a Laplacian of -4 at the pixel and 1 at its four neighbours, then the variance is 20 / 25 of its unit."""
    flat = np.full((5, 5), 7, np.uint8)
    spot = np.zeros((5, 5), np.uint8)
    spot[2, 2] = 10
    assert sharpness(flat) == 0.0
    assert sharpness(spot) == pytest.approx((16 + 4) * 100 / 25)


def test_modified_z_of_iglewicz_and_hoaglin():
    """Given 1 to 5, then the median is 3 and the median distance 1: 8 is 0.6745 * 5 away."""
    assert modified_z(8.0, [1, 2, 3, 4, 5]) == pytest.approx(3.3725)
    assert modified_z(4.0, [3, 3, 3, 3]) == 0.0
    assert modified_z(5.0, [3, 3, 3, 5]) == pytest.approx(2 * 0.7979 / 0.5)


def test_the_odd_photograph_is_named():
    pixels, rng = PixelTally(), np.random.default_rng(0)
    for number in range(30):
        level = 120 + number % 5
        pixels.add(member(f"m{number}"), rng.integers(level - 9, level + 10, (32, 32)).astype(np.uint8))
    pixels.add(member("night", "test"), rng.integers(1, 20, (32, 32)).astype(np.uint8))
    result, members = pixels.result()
    assert [(o.file_name, o.what, o.split) for o in result.outliers] == [("img/night.png", "dark", "test")]
    assert [m.image_sha256 for m in members] == ["night"]
    assert (result.measured, sum(result.brightness.counts)) == (31, 31)
    assert 100 < pixels.mean_picture().mean() < 125
