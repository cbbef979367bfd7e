"""ok/ and def/: which names say what."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["ok", "OK", "ok_front", "good", "normal", "pass", "defect_free", "iO"])
def test_names_of_good_castings(inbox, picture, take_in, name):
    inbox.put(f"up/{name}/a.png", picture())
    taken = take_in(inbox)
    assert (taken.formats, taken.findings, list(taken.records)) == (("folders",), [], [f"up/{name}/a.png"])
    assert taken.records[f"up/{name}/a.png"].instances == ()


@pytest.mark.parametrize("name", ["def", "def_front", "NG", "nok", "not_ok", "bad", "defects", "anomaly"])
def test_names_of_defective_castings(inbox, picture, take_in, name):
    inbox.put(f"up/test/{name}/a.png", picture())
    taken = take_in(inbox)
    assert (taken.formats, [f.rule for f in taken.findings]) == (("folders",), ["defect-without-mask"])
    assert (taken.intake.items, taken.intake.faults, taken.records) == (1, 0, {})


@pytest.mark.parametrize("name", ["okra", "definitions", "photos", "badge", "line-3"])
def test_other_names_say_nothing(inbox, picture, take_in, name):
    inbox.put(f"up/{name}/a.png", picture())
    taken = take_in(inbox)
    assert (taken.formats, [f.rule for f in taken.findings]) == ((), ["image-without-label"])


def test_labels_inside_such_a_folder_win(inbox, picture, take_in):
    """Given a labelled data set called def, then its labels are read and only the unlabelled photograph waits."""
    inbox.put("up/def/a.png", picture(1))
    inbox.put("up/def/a.txt", b"0 .5 .5 .25 .5\n")
    inbox.put("up/def/classes.txt", b"chipping\n")
    inbox.put("up/def/b.png", picture(2))
    taken = take_in(inbox)
    assert taken.formats == ("folders", "yolo")
    assert list(taken.records) == ["up/def/a.png"]
    assert [(f.rule, f.file) for f in taken.findings] == [("defect-without-mask", "up/def/b.png")]
