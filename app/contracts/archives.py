"""Model archives (model.tar.gz), which may come from anybody: unpacked with the same care wherever they are read."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import IO

MAX_FILES = 10_000
MAX_RATIO = 50
"""Unpacked to packed bytes: weights hardly shrink, a decompression bomb a thousandfold."""
ALWAYS_ALLOWED_BYTES = 1_000_000_000
MAX_HEADER_BYTES = 1_000_000
DISK_SHARE = 0.8
_CHUNK_BYTES = 1 << 20
_READ_WHOLE = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
)  # fmt: skip
"""Members that say something about the next one: tarfile reads them into memory, however large they are."""


class CarefulTarInfo(tarfile.TarInfo):
    """A member of a tar (`tarfile.open(tarinfo=...)`) whose headers cannot fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> CarefulTarInfo:
        """Read the header of a member; see tarfile.

        Raises:
            ValueError: it announces a header of more than a megabyte.
        """
        info = super().frombuf(buf, encoding, errors)
        if info.type in _READ_WHOLE and info.size > MAX_HEADER_BYTES:
            raise ValueError(f"a header of {info.size:,} bytes is not one of an honest archive")
        return info


def unpack(archive: Path, target: Path) -> None:
    """Unpack a .tar.gz: plain files only, inside of `target` only, and no more than its size can honestly hold.

    tarfile's own filter keeps files inside, but Python 3.11 has it from 3.11.4 on only, and it knows no limits.

    Raises:
        ValueError: a member is refused; the message names it.
        tarfile.TarError, zlib.error, EOFError, OSError: the archive is damaged or missing.
    """
    target.mkdir(parents=True, exist_ok=True)
    allowed = _allowed_bytes(archive, target)
    with tarfile.open(archive, "r:gz", tarinfo=CarefulTarInfo) as tar:
        for number, member in enumerate(tar):
            if number >= MAX_FILES:
                raise ValueError(f"more than {MAX_FILES:,} members are no model")
            if not member.isdir():
                allowed -= _extract(tar, member, target.resolve(), allowed)


def _allowed_bytes(archive: Path, target: Path) -> int:
    honest = max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * archive.stat().st_size)
    return min(honest, int(DISK_SHARE * shutil.disk_usage(target).free))


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, allowed: int) -> int:
    place = (target / member.name).resolve()
    content = tar.extractfile(member) if member.isfile() else None
    if content is None or not place.is_relative_to(target):
        raise ValueError(f"{member.name}: an artifact holds plain files inside its own folder only")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        return _copy(content, file, allowed, member.name)


def _copy(source: IO[bytes], target: IO[bytes], allowed: int, name: str) -> int:
    """Copy, counting what really comes out."""
    copied = 0
    while chunk := source.read(_CHUNK_BYTES):
        copied += len(chunk)
        if copied > allowed:
            raise ValueError(f"{name}: more data than the archive's size and the disk allow")
        target.write(chunk)
    return copied
