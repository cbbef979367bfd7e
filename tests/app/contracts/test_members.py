"""Members pass by one at a time, and their hash names the version."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contracts import members
from app.contracts.dataset import ClassDefinition, Member
from app.contracts.documents import ContractError

CLASSES = (ClassDefinition(1, "chipping", "defect"), ClassDefinition(2, "disk", "part"))


def member(n, split="train", label=None):
    return Member(f"{n:064x}", "png", label or f"{n + 1000:064x}", f"{n}.png", f"g{n}", split, 64, 48, 1)


MEMBERS = tuple(member(n) for n in range(5))


def packed(entries):
    stream = io.BytesIO()
    members.write(entries, stream)
    return stream.getvalue()


def test_what_is_written_is_read():
    assert tuple(members.read(io.BytesIO(packed(MEMBERS)))) == MEMBERS


def test_the_file_is_one_json_object_a_line_with_the_same_bytes_every_time():
    assert packed(MEMBERS) == packed(MEMBERS)
    first, *rest = gzip.decompress(packed(MEMBERS)).splitlines()
    assert len(rest) == 4
    assert json.loads(first) == dataclasses.asdict(MEMBERS[0])


@pytest.mark.parametrize("entries", [MEMBERS[::-1], (MEMBERS[0], MEMBERS[0])])
def test_members_out_of_order_or_twice_are_refused(entries):
    with pytest.raises(ValueError, match="write members sorted by image hash"):
        packed(entries)
    with pytest.raises(ValueError, match="write members sorted by image hash"):
        members.version_id(entries, CLASSES)


def test_a_line_that_is_no_member_is_named():
    with pytest.raises(ContractError, match=r"Member\.image_sha256: missing"):
        list(members.read(io.BytesIO(gzip.compress(b'{"width": 3}\n'))))


def test_a_file_that_is_cut_off_is_no_shorter_version():
    with pytest.raises(EOFError):
        list(members.read(io.BytesIO(packed(MEMBERS)[:-9])))


def test_memory_does_not_grow_with_the_number_of_members():
    def peak(count):
        stream = io.BytesIO(packed(member(n) for n in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in members.read(stream)) == count
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)  # what is built once
    assert peak(5000) < 1.5 * peak(500)


@given(st.permutations(CLASSES))
def test_the_order_of_classes_does_not_change_the_name(classes):
    assert members.version_id(MEMBERS, classes) == members.version_id(MEMBERS, CLASSES)


@pytest.mark.parametrize("changed", [
    (*MEMBERS[1:],), (*MEMBERS, member(9)), (member(0, split="test"), *MEMBERS[1:]),
    (member(0, label="f" * 64), *MEMBERS[1:])])
def test_another_member_label_or_split_is_another_version(changed):
    assert members.version_id(changed, CLASSES) != members.version_id(MEMBERS, CLASSES)


def test_another_class_map_is_another_version():
    renumbered = (CLASSES[0], dataclasses.replace(CLASSES[1], id=3))
    assert members.version_id(MEMBERS, renumbered) != members.version_id(MEMBERS, CLASSES)


def test_names_of_files_and_groups_do_not_change_the_name():
    renamed = tuple(dataclasses.replace(m, file_name="x", group="y") for m in MEMBERS)
    assert members.version_id(renamed, CLASSES) == members.version_id(MEMBERS, CLASSES)


def test_a_version_name_is_16_hex_digits_and_the_same_everywhere():
    assert members.version_id(MEMBERS, CLASSES) == "342b77045a77590f"
