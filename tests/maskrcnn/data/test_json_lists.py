"""Lists of a JSON document, entry by entry: the values and the errors of json.loads, in little memory."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.data import json_lists
from maskrcnn.data.json_lists import lists

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=12)
DOCUMENTS = st.dictionaries(st.sampled_from(["images", "info", "annotations"]), st.lists(VALUES, max_size=6))


def read(file, names=("images", "annotations")):
    return [(name, list(entries)) for name, entries in lists(file, names)]


@given(DOCUMENTS, st.sampled_from([None, 1]), st.integers(1, 9), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_values_are_those_of_json(tmp_path_factory, document, indent, chunk, encoding):
    """Given any document, when it is read in pieces of a few characters, then lists and entries are the same."""
    file = tmp_path_factory.mktemp("json") / "file"
    file.write_bytes(json.dumps(document, indent=indent, ensure_ascii=False).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lists, "_CHUNK", chunk)
        found = read(file)
    assert found == [(name, value) for name, value in document.items() if name != "info"]


@pytest.mark.parametrize("text", [
    "", "[1", "{", '{"images": [1, 2', '{"images": [1 2]}', '{"images": [1,]}', '{"images": [1]} x', '{"images" [1]}',
    '{"info": {"a": }}', '{"images": [1]', "{1: 2}"])
def test_broken_text_is_refused_in_the_words_of_json(tmp_path, text):
    (tmp_path / "file").write_text(text)
    with pytest.raises(json.JSONDecodeError) as known:
        json.loads(text)
    with pytest.raises((json.JSONDecodeError, TypeError)) as said:
        read(tmp_path / "file")
    assert said.type is TypeError or str(said.value) == str(known.value)


@pytest.mark.parametrize(("text", "message"), [
    ("[1, 2]", "begins with '\\[' instead of an object"), ('{"images": {"a": 1}}', "images is no list")])
def test_what_has_another_form_is_refused(tmp_path, text, message):
    (tmp_path / "file").write_text(text)
    with pytest.raises(TypeError, match=message):
        read(tmp_path / "file")


def test_what_nobody_took_of_a_list_is_passed_over(tmp_path):
    (tmp_path / "file").write_text('{"images": [1, 2, 3], "annotations": [4]}')
    assert [(name, next(entries)) for name, entries in lists(tmp_path / "file", ("images", "annotations"))] == [
        ("images", 1), ("annotations", 4)]


def test_memory_does_not_grow_with_the_list(tmp_path):
    (tmp_path / "file").write_text(json.dumps({"images": [{"file_name": f"{n:0900d}"} for n in range(20_000)]}))
    tracemalloc.start()
    assert sum(1 for _, entries in lists(tmp_path / "file", ("images",)) for _ in entries) == 20_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8_000_000  # of 18
