"""Masks as pictures: objects by value, classes by value, and no guessing between the two."""

from __future__ import annotations

import io

import numpy as np
import pytest
from maskrcnn.data.importers.masks import class_folder
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def png(values, mode=None):
    stream = io.BytesIO()
    image = Image.fromarray(np.asarray(values))
    if mode == "P":
        image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    image.save(stream, "PNG")
    return stream.getvalue()


def canvas(dtype=np.uint8, **rectangles):
    """48x64 values; v3=(top, left, height, width) sets a rectangle to 3."""
    values = np.zeros((48, 64), dtype)
    for name, (top, left, height, width) in rectangles.items():
        values[top : top + height, left : left + width] = int(name[1:])
    return values


def test_every_value_of_an_instance_mask_is_one_object(inbox, picture, take_in):
    """Given two touching values and one in two pieces, then three objects, whose pixels are exactly those."""
    values = canvas(v1=(2, 3, 4, 5), v2=(2, 8, 4, 5), v7=(20, 20, 3, 3))
    values[30:32, 40:44] = 7
    inbox.put("up/images/a.png", picture())
    inbox.put("up/instances/a.png", png(values))
    inbox.put("up/castline.json", {"class_name": "chipping"})
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("instance-masks",), [])
    for value, (name, mask) in zip((1, 2, 7), taken.masks("up/images/a.png"), strict=True):
        assert name == "chipping"
        np.testing.assert_array_equal(mask, values == value)


def test_sixteen_bit_values_carry_class_and_number(inbox, picture, take_in):
    values = canvas(np.uint16, v1001=(2, 3, 4, 5), v1002=(2, 8, 4, 5), v2000=(20, 20, 3, 3))
    inbox.put("up/images/a.png", picture())
    inbox.put("up/gt/a_instanceIds.png", png(values))
    inbox.put("up/castline.json", {"format": "instance-masks", "classes": {"1": "chipping", "2": "disk"}})
    taken = take_in(inbox)
    assert [(name, int(mask.sum())) for name, mask in taken.masks("up/images/a.png")] == [
        ("chipping", 20), ("chipping", 20), ("disk", 9)]


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_connected_parts_of_a_class_are_its_objects(inbox, picture, take_in, mode):
    """Given a class in two places, one joined over a corner only, then two objects of it, and one of the other."""
    values = canvas(v1=(2, 3, 4, 5), v2=(10, 30, 5, 5))
    values[6, 8] = 1
    values[40:44, 50:60] = 1
    inbox.put("up/images/a.png", picture())
    inbox.put("up/masks/a_mask.png", png(np.stack([values] * 3, -1) if mode == "RGB" else values, mode))
    inbox.put("up/castline.json", {"classes": {"1": "chipping", "2": "disk"}})
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("semantic-masks",), [])
    assert taken.objects("up/images/a.png") == [
        ("chipping", (3.0, 2.0, 6.0, 5.0), True), ("chipping", (50.0, 40.0, 10.0, 4.0), True),
        ("disk", (30.0, 10.0, 5.0, 5.0), True)]


def test_the_folder_names_the_class_and_several_masks_are_one_label(inbox, picture, take_in):
    """Given masks of two classes that overlap, in folders of their classes, then both stay whole."""
    inbox.put("up/images/a.png", picture())
    inbox.put("up/masks/chipping/a.png", png(canvas(v255=(2, 3, 4, 5))))
    inbox.put("up/masks/disk/a.png", png(canvas(v255=(0, 0, 20, 20))))
    taken = take_in(inbox)
    assert [(name, int(mask.sum())) for name, mask in taken.masks("up/images/a.png")] == [
        ("chipping", 20), ("disk", 400)]


def test_ground_truth_beside_classes_of_photographs(inbox, picture, take_in):
    """Given MVTec's layout, then scratches have masks, good ones none, and equal names of two folders keep apart."""
    inbox.put("up/train/good/000.png", picture(1))
    inbox.put("up/test/good/000.png", picture(2))
    inbox.put("up/test/scratch/000.png", picture(3))
    inbox.put("up/ground_truth/scratch/000_mask.png", png(canvas(v255=(2, 3, 4, 5))))
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("folders", "semantic-masks"), [])
    assert taken.objects("up/test/scratch/000.png") == [("scratch", (3.0, 2.0, 5.0, 4.0), True)]
    assert taken.objects("up/train/good/000.png") == taken.objects("up/test/good/000.png") == []


@pytest.mark.parametrize(("folders", "expected"), [
    ("masks", ""), ("masks/train", ""), ("masks/chipping", "chipping"), ("masks/train/chipping", "chipping"),
    ("train/masks/chipping", "chipping"), ("masks/chipping/train", "chipping"), ("masks/val/train", "train"),
    ("instance_masks/test/layer-1/train", "train")])
def test_which_folder_names_the_class(folders, expected):
    """Given a split among the folders, then it is no class; a second such word is one: COCO has trains."""
    assert class_folder(f"up/{folders}/x.png") == expected


def test_splits_of_equal_names_keep_apart(inbox, picture, take_in):
    for seed, split in enumerate(("train", "val"), 1):
        inbox.put(f"up/{split}/images/a.png", picture(seed))
        inbox.put(f"up/{split}/masks/chipping/a.png", png(canvas(v255=(2, 3, 4, seed))))
    taken = take_in(inbox)
    assert taken.findings == []
    assert [taken.objects(f"up/{split}/images/a.png")[0][1][2] for split in ("train", "val")] == [1.0, 2.0]


@pytest.mark.parametrize(("note", "message"), [
    ({}, "a.png: has a mask of 2 values, which could be objects or classes: say in a castline.json either "
         '{"format": "instance-masks", "class_name": "chipping"} or '
         '{"format": "semantic-masks", "classes": {"1": "chipping"}}'),
    ({"classes": {"1": "chipping"}},
     "a.png: has no class: name it in the label, or add a castline.json: "
     '{"format": "semantic-masks", "classes": {"2": "chipping"}}'),
    ({"format": "instance-masks"},
     "a.png: has no class: name it in the label, or add a castline.json: "
     '{"format": "instance-masks", "class_name": "chipping"}'),
])
def test_nothing_is_guessed(inbox, picture, take_in, note, message):
    inbox.put("up/images/a.png", picture())
    inbox.put("up/masks/a.png", png(canvas(v1=(2, 3, 4, 5), v2=(20, 20, 4, 5))))
    inbox.put("up/castline.json", note)
    taken = take_in(inbox)
    assert (taken.messages(), [set(files) for files in taken.intake.rejected]) == (
        [message], [{"up/images/a.png", "up/masks/a.png"}])


def test_another_size_and_a_lone_mask_are_told(inbox, picture, take_in):
    inbox.put("up/images/a.png", picture())
    inbox.put("up/masks/a.png", png(np.ones((24, 32), np.uint8)))
    inbox.put("up/masks/gone.png", png(canvas(v1=(2, 3, 4, 5))))
    inbox.put("up/castline.json", {"class_name": "chipping"})
    assert sorted(take_in(inbox).messages()) == [
        "a.png: is 64x48 but its label was drawn on 32x24: export image and annotation together",
        "gone.png: has no image gone.*: upload the image, or delete the label"]


def machine(inbox, picture, colours, values):
    inbox.put("up/obj_class_to_machine_color.json", colours)
    inbox.put("up/ds/img/a.jpeg", picture(kind="JPEG"))
    inbox.put("up/ds/masks_machine/a.png", png(np.stack([values] * 3, -1)))
    inbox.put("up/ds/masks_human/a.png", picture())


def test_machine_masks_without_annotations_are_read_by_colour(inbox, picture, take_in):
    machine(inbox, picture, {"disk": [1, 1, 1], "holes": [2, 2, 2]}, canvas(v1=(0, 0, 20, 20), v2=(5, 5, 3, 3)))
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("machine-masks",), [])
    assert [(name, int(mask.sum())) for name, mask in taken.masks("up/ds/img/a.jpeg")] == [("disk", 391), ("holes", 9)]


def test_annotations_are_preferred_to_machine_masks(inbox, picture, take_in):
    machine(inbox, picture, {"disk": [1, 1, 1]}, canvas(v1=(0, 0, 20, 20)))
    inbox.good("up/ds/a.jpeg", body=picture(kind="JPEG"))
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("supervisely",), [])
    assert [name for name, _ in taken.masks("up/ds/img/a.jpeg")] == ["chipping"]


def test_a_colour_of_no_class_is_told(inbox, picture, take_in):
    machine(inbox, picture, {"disk": [1, 1, 1]}, canvas(v1=(0, 0, 20, 20), v3=(30, 30, 2, 2)))
    assert take_in(inbox).messages() == [
        "a.jpeg: has the colour #030303 in its mask, which is no class: export masks and colours together"]
