"""Unpacking: what belongs in a model artifact, and nothing that would land beside it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from maskrcnn.evaluation.artifact import unpack
from maskrcnn.program import JobError


def pack(folder: Path, *members: tarfile.TarInfo, content: bytes = b"weights") -> Path:
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return folder


def test_an_artifact_is_unpacked_with_its_folders(tmp_path: Path) -> None:
    source = pack(tmp_path / "in", tarfile.TarInfo("model.json"), tarfile.TarInfo("./variables/a.bin"))
    target = unpack(source, tmp_path / "out")
    assert (target / "model.json").read_bytes() == (target / "variables/a.bin").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["../escaped", "a/../../escaped", "/tmp/castline-escaped"])
def test_a_path_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    source = pack(tmp_path / "in", tarfile.TarInfo(name))
    with pytest.raises(JobError, match="plain files inside its own folder only") as caught:
        unpack(source, tmp_path / "deep/out")
    assert caught.value.code == "DATA_INVALID"
    assert not (tmp_path / "deep/escaped").exists()
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/castline-escaped").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    link = tarfile.TarInfo("weights")
    link.type, link.linkname = kind, "/etc/passwd"
    with pytest.raises(JobError, match="cannot be unpacked"):
        unpack(pack(tmp_path / "in", link), tmp_path / "out")


def test_a_missing_and_a_damaged_artifact_are_named(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"model\.tar\.gz: missing") as missing:
        unpack(tmp_path, tmp_path / "out")
    assert missing.value.code == "CONFIG_INVALID"
    whole = pack(tmp_path / "in", tarfile.TarInfo("model.json"), content=bytes(range(256)) * 99)
    archive = whole / "model.tar.gz"
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(JobError, match="train the model again") as damaged:
        unpack(whole, tmp_path / "out")
    assert damaged.value.code == "DATA_INVALID"
