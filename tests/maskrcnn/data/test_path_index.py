"""Pictures found by what a label knows of their names."""

from __future__ import annotations

import pytest
from maskrcnn.data import path_index
from maskrcnn.data.path_index import ImageNames, PathIndex

PATHS = ("a/x.1.png", "a/x.1.json", "b/x.1.JPG", "b/c/x.1.png", "y.png", "notes.txt")


def test_pictures_by_name_by_stem_and_by_place():
    names = ImageNames(PATHS)
    assert names.by_name.get("x.1.png") == ["a/x.1.png", "b/c/x.1.png"]
    assert names.by_stem.get("x.1") == ["a/x.1.png", "b/x.1.JPG", "b/c/x.1.png"]
    assert names.by_place.get("b/x.1") == ["b/x.1.JPG"]
    assert [names.by_name.get(name) for name in ("x.1.json", "notes.txt", "gone.png", "")] == [[], [], [], []]
    assert ImageNames([]).by_name.get("y.png") == []


@pytest.mark.parametrize("key", ["0", "7", "31"])
def test_keys_whose_hashes_are_equal_are_told_apart(monkeypatch, key):
    monkeypatch.setattr(path_index, "hash", lambda text: len(text), raising=False)
    index = PathIndex([f"{n % 40}/{n}" for n in range(80)], lambda path: path.partition("/")[0])
    assert index.get(key) == [f"{key}/{key}", f"{key}/{int(key) + 40}"]
