"""BBox-Label-Tool: both variants, boxes that leave the image, and files that were cut off."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_each_line_is_a_box_between_its_corners(inbox, picture, take_in):
    inbox.put("up/Images/001/a.png", picture())
    inbox.put("up/Labels/001/a.txt", b"2\n8 18 20 40 cat\n30 5 10 9 shrink hole\n")
    inbox.put("up/class.txt", b"cat\nshrink hole\n")
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("bbox-label-tool",), [])
    assert taken.objects("up/Images/001/a.png") == [
        ("cat", (8.0, 18.0, 12.0, 22.0), False), ("shrink hole", (10.0, 5.0, 20.0, 4.0), False)]


@pytest.mark.parametrize(("name", "body"), [
    ("up/castline.json", {"class_name": "dog"}), ("up/class.txt", b"dog\n")])
def test_a_class_that_the_file_lacks_is_told_beside_it(inbox, picture, take_in, name, body):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", b"1\n8 18 20 40\n")
    inbox.put(name, body)
    assert take_in(inbox).objects("up/a.png") == [("dog", (8.0, 18.0, 12.0, 22.0), False)]


def test_a_class_is_not_chosen_among_several(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", b"1\n8 18 20 40\n")
    inbox.put("up/class.txt", b"dog\ncat\n")
    assert take_in(inbox).messages() == [
        'a.png: object 1 has no class: name it in the label, or add a castline.json: {"class_name": "chipping"}']


def test_boxes_that_leave_the_image_are_clipped_and_told(inbox, picture, take_in):
    """Given clicks beside the canvas of 64x48, then the part inside stays, and a box without one is left out."""
    inbox.put("up/a.png", picture())
    inbox.put("up/a.txt", b"3\n-5 18 64 60 cat\n70 5 80 9 cat\n0 0 64 48 cat\n")
    taken = take_in(inbox)
    assert [box for _, box, _ in taken.objects("up/a.png")] == [(0.0, 18.0, 64.0, 30.0), (0.0, 0.0, 64.0, 48.0)]
    assert taken.messages() == [
        "a.png: box 1 reaches outside the image of 64x48 (-5 18 64 60 cat): clipped",
        "a.png: box 2 reaches outside the image of 64x48 (70 5 80 9 cat): left out"]
    assert {f.severity for f in taken.findings} == {"warning"}


def test_no_box_is_background_and_a_cut_off_file_is_told(inbox, picture, take_in):
    for seed, (name, body) in enumerate({"a": b"0\n", "b": b"2\n1 2 3 4 cat\n"}.items()):
        inbox.put(f"up/{name}.png", picture(seed))
        inbox.put(f"up/{name}.txt", body)
    taken = take_in(inbox)
    assert taken.objects("up/a.png") == []
    assert taken.messages() == ["b.png: says 2 boxes and has 1: the label is cut off, save it again"]
