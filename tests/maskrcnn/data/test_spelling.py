"""Aliases merge classes; two spellings of one class are told apart from two classes."""

from __future__ import annotations

import json

import pytest
from maskrcnn.data.samples import LabelledShape, Sample
from maskrcnn.data.shapes import Box
from maskrcnn.data.spelling import look_alikes, nearest, renamed


def test_several_names_may_stand_for_one_class():
    shapes = tuple(LabelledShape(name, Box(0, 0, 1, 1)) for name in ("Lunker", "pore", "disk"))
    sample = Sample("a.png", "a.json", "a.png", None, shapes)
    merged = renamed(sample, {"Lunker": "holes", "pore": "holes"})
    assert [shape.class_name for shape in merged.shapes] == ["holes", "holes", "disk"]
    assert renamed(sample, {}) is sample


@pytest.mark.parametrize(("counts", "parts", "expected"), [
    ({"chipping": 340, "chiping": 2}, (), [("chiping", "chipping")]),
    ({"chipping": 5, "Chipping ": 9}, (), [("chipping", "Chipping ")]),   # the rarer one is the slip
    ({"chip_ping": 1, "chipping": 2}, (), [("chip_ping", "chipping")]),
    ({"Disk": 90, "holes": 10}, ("disk",), [("Disk", "disk")]),           # the settings know the part
    ({"disk": 1, "holes": 10}, ("disk",), []),
    ({"crack1": 4, "crack2": 9}, (), []),                                 # numbers tell classes apart
    ({"chipping": 4, "holes": 9, "deburring": 7, "disk": 1}, (), []),
    ({"car": 4, "cat": 9, "cup": 1}, (), []),
])
def test_look_alikes(counts, parts, expected):
    assert look_alikes(counts, parts) == expected


def test_the_nearest_class_does_not_mind_case():
    assert nearest("CHIPING", ("holes", "chipping")) == "chipping"
    assert nearest("xyz", ("holes", "chipping")) is None


def test_aliases_of_castline_json_and_of_the_settings(inbox, take_in):
    """Given a misspelt class, then its alias is what arrives, in the folder for which it is said."""
    inbox.good("up/a/1.png", class_name="chiping")
    inbox.good("up/b/2.png", class_name="chiping")
    inbox.put("up/a/castline.json", json.dumps({"aliases": {"chiping": "chipping"}}).encode())
    taken = take_in(inbox)
    assert [taken.objects(f"up/{name}")[0][0] for name in ("a/img/1.png", "b/img/2.png")] == ["chipping", "chiping"]
