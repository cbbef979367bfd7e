"""VGG Image Annotator: version 1 and 2, projects, every region."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARE = {"name": "polygon", "all_points_x": [2, 6, 6, 2], "all_points_y": [3, 3, 8, 8]}
RECT = {"name": "rect", "x": 10, "y": 5, "width": 20, "height": 15}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def entry(regions, name="a.png", **more):
    return {"filename": name, "size": 123, "regions": regions, "file_attributes": {}, **more}


def version_1(regions):
    return {"a.png123": entry({str(n): r for n, r in enumerate(regions)})}


def version_2(regions):
    return {"a.png123": entry(regions)}


def project(regions):
    return {"_via_settings": {}, "_via_img_metadata": version_2(regions), "_via_attributes": {}}


@pytest.mark.parametrize("form", [version_1, version_2, project])
def test_every_version_gives_the_same_objects(inbox, picture, take_in, form):
    inbox.put("up/a.png", picture())
    inbox.put("up/via.json", form([region(SQUARE, defect="holes"), region(RECT, defect="chipping")]))
    taken = take_in(inbox)
    assert (taken.formats, taken.findings) == (("via",), [])
    assert taken.objects("up/a.png") == [
        ("holes", (2.0, 3.0, 4.0, 5.0), True), ("chipping", (10.0, 5.0, 20.0, 15.0), False)]


def test_circles_and_turned_ellipses_have_their_area(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/via.json", version_2([
        region({"name": "circle", "cx": 30, "cy": 24, "r": 10}, type="holes"),
        region({"name": "ellipse", "cx": 30, "cy": 24, "rx": 16, "ry": 4, "theta": np.pi / 2}, type="holes")]))
    (_, circle), (_, ellipse) = take_in(inbox).masks("up/a.png")
    assert abs(circle.sum() - np.pi * 100) < 8
    assert abs(ellipse.sum() - np.pi * 64) < 8
    assert ellipse.any(axis=0).sum() < 10 < 30 < ellipse.any(axis=1).sum()


@pytest.mark.parametrize(("attributes", "expected"), [
    ({"anything": "holes"}, "holes"), ({"note": "x", "Class": "holes"}, "holes"),
    ({"type": {"chipping": False, "holes": True}}, "holes"), ({}, "burr")])
def test_the_class_is_the_attribute_that_is_called_like_one(inbox, picture, take_in, attributes, expected):
    inbox.put("up/a.png", picture())
    inbox.put("up/castline.json", {"class_name": "burr"})
    inbox.put("up/via.json", version_2([region(RECT, **attributes)]))
    assert take_in(inbox).objects("up/a.png")[0][0] == expected


def test_a_region_without_class_is_not_guessed_at(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/via.json", version_2([region(RECT)]))
    assert take_in(inbox).messages() == [
        'a.png: object 1 has no class: name it in the label, or add a castline.json: {"class_name": "chipping"}']


def test_a_line_and_a_missing_image_are_told(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/via.json", version_2([region({"name": "polyline"}, type="x")]) | {"b": entry([], "b.png")})
    assert take_in(inbox).messages() == [
        "a.png: object 1 is a polyline: Castline takes polygon, circle, ellipse and rect: draw it as one of them",
        "via.json: lists b.png, which was not uploaded: upload the image, or remove it from the file"]


def test_an_image_without_regions_is_background(inbox, picture, take_in):
    inbox.put("up/a.png", picture())
    inbox.put("up/via.json", version_1([]))
    assert take_in(inbox).objects("up/a.png") == []
