"""Explicit lists in castline.json: they win over folders and tags, the nearest one first."""

from __future__ import annotations

import pytest
from maskrcnn.data.split_lists import SplitLists, check

from app.contracts.documents import ContractError
from app.contracts.uploads import UploadNote


def splits(taken):
    """Image path -> what was said about its split."""
    return {said.path: said.split for copies in taken.intake.said.values() for said in copies}


def test_a_list_wins_over_folder_and_tag(inbox, take_in):
    inbox.good("up/train/a.png")
    inbox.good("up/train/b.png", tags=[{"name": "val"}])
    inbox.good("up/train/c.png")
    inbox.put("up/castline.json", {"split": {"test": ["a.png", "train/img/b.png"]}})
    taken = take_in(inbox)
    assert splits(taken) == {"up/train/img/a.png": "test", "up/train/img/b.png": "test", "up/train/img/c.png": "train"}
    assert taken.intake.said_in == {"up": {"train", "test"}}
    assert taken.findings == []


def test_good_castings_in_a_folder_are_listed_too(inbox, picture, take_in):
    """Given photographs that only their folder labels, then the list speaks for them although they are read last."""
    inbox.put("up/ok/a.png", picture(1))
    inbox.put("up/castline.json", {"split": {"val": ["a.png"]}})
    assert splits(take_in(inbox)) == {"up/ok/a.png": "val"}


def test_a_name_that_no_image_has_is_told(inbox, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/castline.json", {"split": {"test": ["a.png"], "val": ["b.png"]}})
    (told,) = take_in(inbox).findings
    assert (told.rule, told.file, told.severity) == ("split-unknown", "up/castline.json", "warning")
    assert told.message == ("castline.json: lists b.png for val, but no image below is called so: give its path below "
                            "this file, or its file name")


def test_the_nearest_list_speaks_and_others_fill_in():
    lists = SplitLists({
        "": UploadNote(split={"val": ("a.png", "b.png")}), "up/one": UploadNote(split={"test": ("a.png",)}),
        "up/two": UploadNote(class_name="dog")})
    assert [lists.split_of(path) for path in ("up/one/a.png", "up/one/b.png", "up/two/a.png", "up/one/c.png")] == [
        "test", "val", "val", None]
    assert lists.unused() == []


def test_a_path_is_read_from_the_folder_of_its_note():
    lists = SplitLists({"up": UploadNote(split={"test": ("x/a.png",)})})
    assert [lists.split_of(path) for path in ("up/x/a.png", "up/y/a.png", "up/y/x/a.png", "x/a.png")] == [
        "test", None, None, None]


@pytest.mark.parametrize(("split", "message"), [
    ({"holdout": ("a.png",)}, "'holdout' is not one of train, val, test"),
    ({"test": ("a.png",), "train": ("a.png",)}, "a.png is listed under test and train: keep one")])
def test_lists_that_cannot_be_meant_are_refused(split, message):
    with pytest.raises(ContractError, match=message):
        check(UploadNote(split=split))


def test_a_refused_list_says_so_as_a_note_does(inbox, take_in):
    inbox.good("up/ds/a.png")
    inbox.put("up/castline.json", {"split": {"holdout": ["a.png"]}})
    (told,) = take_in(inbox).findings
    assert told.rule == "note-invalid"
    assert "'holdout' is not one of train, val, test" in told.message
