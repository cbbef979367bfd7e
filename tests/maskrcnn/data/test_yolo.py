"""YOLO text labels: shares to pixels, where class names come from, and what is no YOLO."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_boxes_and_polygons_in_shares_become_pixels(inbox, picture, take_in):
    """Given 64x48: centre .5, .5 with .25, .5 is 16x24 at 24, 12; the polygon is columns 8..16, rows 12..24."""
    inbox.put("up/images/a.png", picture())
    inbox.put("up/labels/a.txt", b"0 .5 .5 .25 .5\n1 .125 .25 .25 .25 .25 .5 .125 .5\n0 .5 .5 .25 .5 .87\n")
    inbox.put("up/data.yaml", b"names: [chipping, holes]\nnc: 2\n")
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("yolo",), [])
    box = ("chipping", (24.0, 12.0, 16.0, 24.0), False)
    assert taken.objects("up/images/a.png") == [box, ("holes", (8.0, 12.0, 8.0, 12.0), True), box]
    expected = np.zeros((48, 64), bool)
    expected[12:24, 8:16] = True
    coco = [i for i in taken.records["up/images/a.png"].instances if i.mask]
    assert coco[0].area_px == expected.sum()


@pytest.mark.parametrize(("name", "body"), [
    ("up/data.yaml", b"names:\n  0: chipping\n  1: holes\n"), ("up/train/labels/classes.txt", b"chipping\nholes\n"),
    ("up/obj.names", b"chipping\r\nholes\r\n\r\n"), ("up/castline.json", {"classes": {"1": "holes"}})])
def test_class_names_come_from_the_nearest_list(inbox, picture, take_in, name, body):
    inbox.put("up/train/images/a.png", picture())
    inbox.put("up/train/labels/a.txt", b"1 .5 .5 .25 .5\n")
    inbox.put(name, body)
    taken = take_in(inbox)
    assert [o[0] for o in taken.objects("up/train/images/a.png")] == ["holes"]
    assert taken.findings == []
    ((said,),) = taken.intake.said.values()
    assert said.split == "train"


@pytest.mark.parametrize("folder", ["up", "up/obj_train_data"])
def test_lists_of_images_set_the_split(inbox, picture, take_in, folder):
    """Given darknet's lists beside the labels or above them, then they decide, also against the folder's name."""
    for seed, name in enumerate("abc"):
        inbox.put(f"{folder}/{name}.png", picture(seed))
        inbox.put(f"{folder}/{name}.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/obj.names", b"disk\n")
    inbox.put("up/train.txt", b"data/obj_train_data/a.png\ndata/obj_train_data/gone.png\n")
    inbox.put("up/test.txt", b"data/obj_train_data/b.png\n")
    taken = take_in(inbox)
    assert taken.findings == []
    assert {said.path[-5:]: said.split for copies in taken.intake.said.values() for said in copies} == {
        "a.png": "train", "b.png": "test", "c.png": None}


def test_a_photograph_on_its_side_is_measured_upright(inbox, take_in):
    """Given EXIF orientation 6, then shares count in the upright 48x64, as the tools that write them show it."""
    image = Image.new("RGB", (64, 48), (90, 90, 90))
    exif = image.getexif()
    exif[0x0112] = 6
    inbox.root.joinpath("up").mkdir()
    image.save(inbox.root / "up/a.jpg", exif=exif)
    inbox.put("up/a.txt", b"0 .5 .5 .5 .5\n")
    inbox.put("up/classes.txt", b"disk\n")
    assert take_in(inbox).objects("up/a.jpg") == [("disk", (12.0, 16.0, 24.0, 32.0), False)]


def test_an_empty_file_is_background_and_a_missing_one_is_told(inbox, picture, take_in):
    for seed, name in enumerate("abc"):
        inbox.put(f"up/images/{name}.png", picture(seed))
    inbox.put("up/labels/a.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/labels/b.txt", b"")
    inbox.put("up/labels/gone.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/classes.txt", b"disk\n")
    taken = take_in(inbox)
    assert taken.records["up/images/b.png"].instances == ()
    assert [(f.rule, f.file) for f in taken.findings] == [
        ("label-without-image", "up/labels/gone.txt"), ("image-without-label", "up/images/c.png")]


@pytest.mark.parametrize(("line", "message"), [
    ("7 .5 .5 .25 .5", 'has class 7, which no list names: add a classes.txt, or a castline.json: '
                       '{"classes": {"7": "chipping"}}'),
    ("0 .5 .5 .25", "has 3 numbers after the class: a box has 4, a polygon pairs of at least 3 corners"),
    ("0 .1 .1 .2 .1 .2 .2 .3", "has 7 numbers after the class: a box has 4, a polygon pairs of at least 3 corners"),
    ("0 320 .5 .25 .5",
     "has the coordinate 320, which is no share of the image from 0 to 1: export it normalised"),
    ("x .5 .5 .25 .5", "is broken (ValueError: invalid literal for int() with base 10: 'x'): "
                       "export the annotation again"),
])
def test_a_bad_line_rejects_its_image_and_says_which(inbox, picture, take_in, line, message):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", f"0 .5 .5 .25 .5\n\n{line}\n".encode())
    inbox.put("up/classes.txt", b"disk\n")
    taken = take_in(inbox)
    assert (taken.messages(), taken.intake.rejected) == ([f"a.png: object 2 {message}"], [("up/a.png", "up/a.txt")])


@pytest.mark.parametrize("body", [b"names: [a", b"nc: 2\n", b"names: 3\n"])
def test_a_broken_list_of_classes_is_told(inbox, picture, take_in, body):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/data.yaml", body)
    (told,) = take_in(inbox).findings
    assert (told.rule, told.file) == ("classes-unreadable", "up/a.png")
    assert "a.png: needs the classes of up/data.yaml, which are broken" in told.message


def test_texts_that_label_nothing_are_no_yolo(inbox, picture, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/ds/img/notes.txt", b"three castings of line 3\n")
    inbox.put("up/README.txt", b"0 .5 .5 .25 .5\n")
    taken = take_in(inbox)
    assert (taken.formats, [f.rule for f in taken.findings]) == (("supervisely",), ["file-unused"])
