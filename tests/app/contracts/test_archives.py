"""Model archives from anybody: plain files inside of the folder, and no more than an honest model holds."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from app.contracts import archives


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, body in members:
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def test_an_honest_archive_is_unpacked(tmp_path: Path) -> None:
    archive = packed(tmp_path / "m.tar.gz", (member("./a"), b"1"), (member("b/c"), b"23"))
    archives.unpack(archive, tmp_path / "out")
    assert {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes()
            for p in (tmp_path / "out").rglob("*") if p.is_file()} == {"a": b"1", "b/c": b"23"}


@pytest.mark.parametrize(("name", "kind"), [
    ("../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("evil", tarfile.SYMTYPE), ("evil", tarfile.LNKTYPE),
    ("evil", tarfile.CHRTYPE), ("evil", tarfile.BLKTYPE), ("evil", tarfile.FIFOTYPE)],
    ids=["above", "root", "link", "hard-link", "character-device", "block-device", "pipe"])
def test_what_could_reach_outside_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    archive = packed(tmp_path / "m.tar.gz", (member(name, kind), b""))
    with pytest.raises(ValueError, match="plain files inside its own folder only"):
        archives.unpack(archive, tmp_path / "deep/out")
    assert not [p for p in tmp_path.rglob("*") if p.name == "evil"]


def test_a_bomb_is_stopped_at_what_the_archive_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1000)
    archive = packed(tmp_path / "m.tar.gz", (member("a"), bytes(600)), (member("b"), bytes(9_000_000)))
    with pytest.raises(ValueError, match="b: more data than the archive's size and the disk allow"):
        archives.unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/b").stat().st_size < 9_000_000


def test_the_limit_is_for_all_members_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1000)
    monkeypatch.setattr(archives, "MAX_RATIO", 1)
    archive = packed(tmp_path / "m.tar.gz", (member("a"), bytes(600)), (member("b"), bytes(600)))
    with pytest.raises(ValueError, match="b: more data"):
        archives.unpack(archive, tmp_path / "out")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    archive = packed(tmp_path / "m.tar.gz", *((member(str(number)), b"") for number in range(3)))
    with pytest.raises(ValueError, match="more than 2 members"):
        archives.unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME,
                                  tarfile.GNUTYPE_LONGLINK], ids=["pax", "pax-global", "long-name", "long-link"])
def test_a_header_that_would_fill_the_memory_is_refused_unread(tmp_path: Path, kind: bytes) -> None:
    archive = packed(tmp_path / "m.tar.gz", (member("next", kind), bytes(archives.MAX_HEADER_BYTES + 1)))
    with pytest.raises(ValueError, match="a header of 1,000,001 bytes is not one of an honest archive"):
        archives.unpack(archive, tmp_path / "out")


def test_a_long_name_of_an_honest_archive_is_read(tmp_path: Path) -> None:
    name = "/".join(["variables" * 10] * 3)
    archives.unpack(packed(tmp_path / "m.tar.gz", (member(name), b"1")), tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"1"
