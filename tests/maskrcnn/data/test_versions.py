"""Classes keep their numbers, parts have their names, and statistics add up."""

from __future__ import annotations

import pytest
from maskrcnn.data import versions

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord

CLASSES = (ClassDefinition(1, "chipping", "defect"), ClassDefinition(2, "disk", "part"))


def test_class_ids_of_the_parent_stay_and_new_names_follow_sorted():
    classes = versions.class_map(CLASSES, {"holes", "burr", "disk"}, ("disk", "burr"))
    assert [(c.id, c.name, c.role) for c in classes] == [
        (1, "chipping", "defect"), (2, "disk", "part"), (3, "burr", "part"), (4, "holes", "defect")]


@pytest.mark.parametrize(("name", "pattern", "group"), [
    ("ds/img/part7_front.png", r"^(part\d+)_", "part7"),
    ("ds/img/other.png", r"^(part\d+)_", "sha"),
    ("part9_x/img/other.png", r"(part\d+)_", "sha"),
    ("ds/img/part7_front.png", "", "sha")])
def test_the_part_is_read_from_the_file_name(name, pattern, group):
    assert versions.group_of(name, pattern, "sha") == group


def record(*instances, tags=(), name="a.png"):
    return LabelRecord("s", "png", name, 64, 48, instances, tags, "coco")


def instance(name, area, side):
    return LabelInstance(name, (0.0, 0.0, float(side), 1.0), None, area)


def test_labels_are_compared_by_what_they_say_about_the_image():
    one = instance("a", 3, 3)
    assert versions.same_label(record(one), record(one, name="renamed.png"))
    assert not versions.same_label(record(one), record(one, tags=("good",)))
    assert not versions.same_label(record(one), record(instance("b", 3, 3)))


def test_statistics_count_instances_and_images_per_split():
    collector = versions.StatisticsCollector()
    collector.add(record(instance("chipping", 10, 4), instance("chipping", 30, 8)), "train")
    collector.add(record(instance("chipping", 20, 5)), "test")
    chipping, disk = collector.result(CLASSES)
    assert (chipping.instances, chipping.images) == ({"train": 2, "test": 1}, {"train": 1, "test": 1})
    assert (chipping.median_area_px, chipping.median_longer_side_px) == (20.0, 5.0)
    assert (disk.instances, disk.median_area_px) == ({}, 0.0)
