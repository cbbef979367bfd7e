"""Classes keep their numbers, parts have their names."""

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
    assert versions.meaning(record(one)) == versions.meaning(record(one, name="renamed.png"))
    assert versions.meaning(record(one)) != versions.meaning(record(one, tags=("good",)))
    assert versions.meaning(record(one)) != versions.meaning(record(instance("b", 3, 3)))
