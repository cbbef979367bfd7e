"""Pascal VOC and labelImg: boxes from 1, never a mask."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def voc(*boxes, name="a.png", size=(64, 48), head=""):
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox>"
        "</object>" for label, a, b, c, d in boxes)
    return (f"{head}<annotation><filename>{name}</filename><size><width>{size[0]}</width><height>{size[1]}</height>"
            f"<depth>3</depth></size>{objects}</annotation>").encode()


def test_the_first_pixel_is_1_and_the_last_is_included(inbox, picture, take_in):
    """Given 1..64 in an image 64 wide, then the box is the whole image; and no box has a mask."""
    inbox.put("up/JPEGImages/a.png", picture())
    inbox.put("up/Annotations/a.xml", voc(("disk", 1, 1, 64, 48), ("holes", 11, 21, 15, 21)))
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("voc",), [])
    assert taken.objects("up/JPEGImages/a.png") == [
        ("disk", (0.0, 0.0, 64.0, 48.0), False), ("holes", (10.0, 20.0, 5.0, 1.0), False)]


def test_labels_beside_images_of_two_folders_keep_apart(inbox, picture, take_in):
    for seed, folder in enumerate(("left", "right")):
        inbox.put(f"up/{folder}/a.png", picture(seed))
        inbox.put(f"up/{folder}/a.xml", voc((folder, 1, 1, 9, 9)))
    taken = take_in(inbox)
    assert [taken.objects(f"up/{folder}/a.png")[0][0] for folder in ("left", "right")] == ["left", "right"]


def test_another_size_is_told(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.xml", voc(size=(640, 480)))
    assert take_in(inbox).messages() == [
        "a.png: is 64x48 but its label was drawn on 640x480: export image and annotation together"]


@pytest.mark.parametrize(("body", "rule"), [
    (voc(("x", 1, 1, 9, 9))[:-20], "annotation-unreadable"),
    (voc(("x", 1, 1, "", 9)), "annotation-unreadable"),
    (voc(("", 1, 1, 9, 9)), "class-missing"),
    (voc(head='<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'), "annotation-unreadable"),
])
def test_a_broken_file_rejects_its_image_once(inbox, picture, take_in, body, rule):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.xml", body)
    taken = take_in(inbox)
    assert [(f.rule, set(files)) for f, files in zip(taken.findings, taken.intake.rejected, strict=True)] == [
        (rule, {"up/a.png", "up/a.xml"})]


def test_other_xml_is_left_and_told(inbox, picture, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/settings.xml", b"<settings/>")
    taken = take_in(inbox)
    assert taken.formats == ("supervisely",)
    assert taken.messages() == ["settings.xml: is no label of a format that Castline reads, or labels no image: "
                                "nothing of it was used"]
