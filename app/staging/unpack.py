"""Zip archives into folders: nothing outside of the folder, every byte checked, and only what is missing."""

from __future__ import annotations

import dataclasses
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from app.staging.errors import StagingError
from app.staging.progress import OnBytes

BLOCK_BYTES = 1 << 20
MAX_RATIO = 200
"""Unpacked to packed bytes: annotations shrink tenfold, a decompression bomb a thousandfold."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file of an archive."""

    name: str
    """Below the root into which the archive is unpacked; POSIX."""
    size_bytes: int
    crc32: int


class Listing:
    """What an archive holds, remembered beside its folder, so that a look needs no archive.

    Args:
        path: The file that remembers it: size, CRC-32 and name on each line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entries: tuple[Entry, ...]) -> None:
        """Remember the entries."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".writing")
        beside.write_text("".join(f"{e.size_bytes}\t{e.crc32:08x}\t{e.name}\n" for e in entries))
        beside.replace(self._path)

    def read(self) -> tuple[Entry, ...]:
        """The entries; none when nothing is remembered."""
        if not self._path.exists():
            return ()
        lines = (line.split("\t", 2) for line in self._path.read_text().splitlines())
        return tuple(Entry(name, int(size), int(crc, 16)) for size, crc, name in lines)

    def is_complete(self, root: Path) -> bool:
        """Whether every file is there in its size; a file that somebody changed in place is not noticed."""
        entries = self.read()
        return bool(entries) and all(_has_size(root / entry.name, entry.size_bytes) for entry in entries)


def entries(archive: Path, folder: str) -> tuple[Entry, ...]:
    """The files of an archive.

    Args:
        archive: A zip.
        folder: Where all of its files must lie.

    Raises:
        StagingError: it is no zip, a member would lie elsewhere or is a link, or it promises too much.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [member for member in content.infolist() if not member.is_dir()]
    except zipfile.BadZipFile as error:
        raise StagingError(f"{archive}: no zip archive ({error}): delete it and call again") from error
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if parts[:1] != (folder,) or ".." in parts or stat.S_ISLNK(member.external_attr >> 16):
            raise StagingError(f"{archive}: {member.filename} does not belong into {folder}/: this is not the archive "
                               "that it should be: delete it and call again")
    if sum(member.file_size for member in members) > MAX_RATIO * archive.stat().st_size:
        raise StagingError(f"{archive}: promises more than {MAX_RATIO} times its size: this is not the archive that it "
                           "should be: delete it and call again")
    return tuple(Entry(member.filename, member.file_size, member.CRC) for member in members)


def unpack(archive: Path, root: Path, wanted: tuple[Entry, ...], on_bytes: OnBytes = lambda _: None) -> int:
    """Write the entries that are not there yet; returns how many were written.

    A file that is there is kept when its bytes are the archive's, so an interrupted call is continued.

    Args:
        archive: The zip.
        root: Into which its folder goes.
        wanted: Its entries.
        on_bytes: Told the size of each file that is in place.

    Raises:
        StagingError: a member is damaged.
    """
    written = 0
    with zipfile.ZipFile(archive) as content:
        for entry in wanted:
            target = root / entry.name
            if not (_has_size(target, entry.size_bytes) and _crc32(target) == entry.crc32):
                _extract(content, entry, target)
                written += 1
            on_bytes(entry.size_bytes)
    return written


def _extract(content: zipfile.ZipFile, entry: Entry, target: Path) -> None:
    """Beside and renamed: a file with the right name is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.unpacking")
    try:
        with content.open(entry.name) as source, beside.open("wb") as out:
            shutil.copyfileobj(source, out, BLOCK_BYTES)
    except (zipfile.BadZipFile, zlib.error) as error:
        beside.unlink(missing_ok=True)
        raise StagingError(f"{content.filename}: {entry.name} is damaged ({error}): delete the archive and call "
                           "again") from error
    beside.replace(target)


def _has_size(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _crc32(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            crc = zlib.crc32(block, crc)
    return crc
