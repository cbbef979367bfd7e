"""labelme files: every shape, groups, and the folders in which people keep them."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def labelme(image="a.png", shapes=(), **more):
    return {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": image, "imageData": None,
            "imageHeight": 48, "imageWidth": 64, **more}


def shape(kind, points, label="chipping", **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def png(mask):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(mask, np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def test_polygons_are_drawn_with_their_outline_as_labelme_does(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[shape("polygon", [[2, 3], [5, 3], [5, 6], [2, 6]])]))
    taken = take_in(inbox)
    expected = np.zeros((48, 64), bool)
    expected[3:7, 2:6] = True
    ((name, mask),) = taken.masks("up/a.png")
    assert (taken.formats, name, taken.findings) == (("labelme",), "chipping", [])
    np.testing.assert_array_equal(mask, expected)


def test_a_mask_is_taken_pixel_by_pixel(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[shape("mask", [[10, 20], [12, 21]], mask=png([[1, 0, 1], [0, 1, 0]]))]))
    ((_, mask),) = take_in(inbox).masks("up/a.png")
    assert {(int(y), int(x)) for y, x in np.argwhere(mask)} == {(20, 10), (20, 12), (21, 11)}


def test_a_rectangle_is_a_box_without_a_mask(inbox, picture, take_in):
    """Given corners as edges, in any order, then the box is as wide as their distance."""
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[shape("rectangle", [[30, 20], [10, 5]])]))
    assert take_in(inbox).objects("up/a.png") == [("chipping", (10.0, 5.0, 20.0, 15.0), False)]


def test_a_circle_is_a_mask_of_its_area(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[shape("circle", [[30, 24], [30, 34]])]))
    ((_, mask),) = take_in(inbox).masks("up/a.png")
    assert abs(mask.sum() - np.pi * 100) < 8
    assert mask[24, 30]
    assert not mask[16, 22]


def test_shapes_of_one_label_and_group_are_one_object(inbox, picture, take_in):
    left, right = [[1, 1], [3, 1], [3, 3], [1, 3]], [[10, 1], [12, 1], [12, 3], [10, 3]]
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[
        shape("polygon", left, group_id=1), shape("polygon", left, "holes", group_id=1),
        shape("polygon", right, group_id=1), shape("polygon", right), shape("polygon", left)]))
    assert [(name, box) for name, box, _ in take_in(inbox).objects("up/a.png")] == [
        ("chipping", (1.0, 1.0, 12.0, 3.0)), ("holes", (1.0, 1.0, 3.0, 3.0)),
        ("chipping", (10.0, 1.0, 3.0, 3.0)), ("chipping", (1.0, 1.0, 3.0, 3.0))]


def test_labels_find_images_in_the_folder_that_matches(inbox, picture, take_in):
    """Given the same name in train and val, and a path of another machine, then each label finds its own image."""
    for seed, split in enumerate(("train", "val")):
        inbox.put(f"up/img/{split}/a.png", picture(seed))
        inbox.put(f"up/label/{split}/a.json", labelme("..\\..\\photos\\a.png", [
            shape("rectangle", [[0, 0], [10 + seed, 10]])]))
    taken = take_in(inbox)
    assert taken.objects("up/img/train/a.png")[0][1] == (0.0, 0.0, 10.0, 10.0)
    assert taken.objects("up/img/val/a.png")[0][1] == (0.0, 0.0, 11.0, 10.0)
    assert {next(iter(said)).split for said in taken.intake.said.values()} == {"train", "val"}


def test_flags_are_tags_and_no_shapes_mean_background(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(flags={"good": True, "bad": False}))
    record = take_in(inbox).records["up/a.png"]
    assert (record.tags, record.instances) == (("good",), ())


@pytest.mark.parametrize(("broken", "message"), [
    (shape("line", [[1, 1], [2, 2]]),
     "a.png: object 2 is a line: Castline takes polygon, mask, circle and rectangle: convert it to one of them"),
    (shape("polygon", [[1, "x"]]),
     "a.png: object 2 is broken (ValueError: could not convert string to float: 'x'): export the annotation again"),
    (shape("polygon", [[1, 1], [2, 2], [3, 1]], ""),
     'a.png: object 2 has no class: name it in the label, or add a castline.json: {"class_name": "chipping"}'),
])
def test_a_bad_shape_rejects_its_image_and_says_which(inbox, picture, take_in, broken, message):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme(shapes=[shape("rectangle", [[1, 1], [9, 9]]), broken]))
    taken = take_in(inbox)
    assert (taken.messages(), taken.intake.rejected) == ([message], [("up/a.png", "up/a.json")])


def test_a_label_without_its_image_is_told(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.json", labelme())
    inbox.put("up/b.json", labelme("b.png"))
    assert take_in(inbox).messages() == ["b.json: has no image b.png: upload the image, or delete the label"]


def test_labels_in_a_folder_for_each_part_are_said_in_few_lines(inbox, picture, take_in, caplog):
    """Given eight parts whose photographs have equal names, then each label has its own, and the log stays short."""
    caplog.set_level("INFO")
    for part in range(8):
        inbox.put(f"up/part{part}/front.png", picture(part))
        inbox.put(f"up/part{part}/front.json", labelme("front.png", [shape("rectangle", [[0, 0], [10 + part, 9]])]))
    taken = take_in(inbox)
    assert [taken.objects(f"up/part{part}/front.png")[0][1][2] for part in range(8)] == [10.0 + p for p in range(8)]
    said = [record.message for record in caplog.records]
    assert len(said) == 6
    assert (said[0], said[5]) == ("recognised labelme: up/part0/front.json",
                                  "recognised labelme: ... and 3 files in 3 more folders of up")
