"""Unpacking: inside of the folder only, checked, and only what is missing."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from app.staging.errors import StagingError
from app.staging.unpack import Entry, Listing, entries, unpack

from .conftest import zipped

FILES = {"val2017/1.jpg": b"one", "val2017/2.jpg": b"twotwo"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "val2017.zip"
    path.write_bytes(zipped({"val2017/": b"", **FILES}))
    return path


def test_given_an_archive_when_unpacked_then_its_files_lie_in_the_folder(archive: Path, tmp_path: Path) -> None:
    told: list[int] = []
    found = entries(archive, "val2017")
    assert unpack(archive, tmp_path / "coco", found, told.append) == 2
    assert {p.relative_to(tmp_path / "coco").as_posix(): p.read_bytes()
            for p in (tmp_path / "coco").rglob("*") if p.is_file()} == FILES
    assert told == [3, 6]


def test_given_an_interrupted_call_when_unpacked_again_then_only_missing_and_changed_files_are_written(
    archive: Path, tmp_path: Path
) -> None:
    found = entries(archive, "val2017")
    unpack(archive, tmp_path, found)
    kept = (tmp_path / "val2017/1.jpg").stat().st_mtime_ns
    (tmp_path / "val2017/2.jpg").write_bytes(b"TWOTWO")  # the same size, other bytes
    assert unpack(archive, tmp_path, found) == 1
    assert (tmp_path / "val2017/2.jpg").read_bytes() == b"twotwo"
    assert (tmp_path / "val2017/1.jpg").stat().st_mtime_ns == kept


@pytest.mark.parametrize("name", ["../evil", "/evil", "train2017/1.jpg", "val2017/../../evil"])
def test_given_a_member_outside_of_the_folder_when_listed_then_the_archive_is_refused(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "val2017.zip").write_bytes(zipped({"val2017/1.jpg": b"1", name: b"2"}))
    with pytest.raises(StagingError, match=r"does not belong into val2017/: this is not the archive"):
        entries(tmp_path / "val2017.zip", "val2017")


def test_given_a_link_when_listed_then_the_archive_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        link = zipfile.ZipInfo("val2017/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    (tmp_path / "val2017.zip").write_bytes(out.getvalue())
    with pytest.raises(StagingError, match="val2017/link does not belong"):
        entries(tmp_path / "val2017.zip", "val2017")


def test_given_a_damaged_member_when_unpacked_then_it_is_named_and_no_file_of_its_name_is_left(tmp_path: Path) -> None:
    content = bytearray(zipped({"val2017/1.jpg": b"a long enough content " * 40}))
    content[50] ^= 0xFF
    (tmp_path / "val2017.zip").write_bytes(content)
    with pytest.raises(StagingError, match=r"val2017/1\.jpg is damaged .*: delete the archive and call again"):
        unpack(tmp_path / "val2017.zip", tmp_path, entries(tmp_path / "val2017.zip", "val2017"))
    assert list((tmp_path / "val2017").iterdir()) == []


def test_given_a_listing_when_a_file_goes_or_is_cut_then_the_folder_is_no_longer_complete(tmp_path: Path) -> None:
    listing = Listing(tmp_path / "work" / "val2017.tsv")
    assert not listing.is_complete(tmp_path)
    listing.write((Entry("val2017/a b.jpg", 3, 0xFF), Entry("val2017/2.jpg", 1, 7)))
    assert listing.read() == (Entry("val2017/a b.jpg", 3, 0xFF), Entry("val2017/2.jpg", 1, 7))
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017/a b.jpg").write_bytes(b"abc")
    (tmp_path / "val2017/2.jpg").write_bytes(b"x")
    assert listing.is_complete(tmp_path)
    (tmp_path / "val2017/2.jpg").write_bytes(b"")
    assert not listing.is_complete(tmp_path)


def test_given_a_decompression_bomb_when_listed_then_the_archive_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("val2017/1.jpg", bytes(1_000_000))
    (tmp_path / "val2017.zip").write_bytes(out.getvalue())
    with pytest.raises(StagingError, match="promises more than 200 times its size"):
        entries(tmp_path / "val2017.zip", "val2017")
