"""Unpack uploaded zip and tar files: beside the tree, never into it, and only what a plain folder could hold.

Whatever could write outside its folder or fill the disk is refused as a whole, because half an archive is half a
data set: absolute names, `..`, links, devices, encrypted members, names that occur twice, and sizes out of bounds.
"""

from __future__ import annotations

import dataclasses
import io
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from app.contracts.archives import CarefulTarInfo
from app.contracts.uploads import TAR_SUFFIXES, ZIP_SUFFIXES, is_archive
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, is_junk, join

MAX_FILES = 1_000_000
MAX_RATIO = 200
"""Unpacked to packed bytes: photographs hardly shrink, text about tenfold, a decompression bomb a thousandfold."""
ALWAYS_ALLOWED_BYTES = 100_000_000
_DISK_SHARE = 0.8
_CHUNK_BYTES = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)


def unpack(tree: UploadTree, folder: Path) -> tuple[UploadTree, list[Rejected]]:
    """Put the members of every archive where a folder of the archive's name would have them.

    Args:
        tree: The uploads. `line-3/casting.zip` with `train/img/1.png` gives `line-3/casting/train/img/1.png`.
        folder: Where to unpack to; made when needed.

    Returns:
        The tree with the members in place of their archives, and the archives that were refused.
    """
    packed = [path for path in tree.paths if is_archive(path)]
    if not packed:
        return tree, []
    modified, places = dict(tree.modified), dict(tree.places)
    rejected = []
    for number, path in enumerate(packed):
        try:
            members = _unpack(tree.local(path), folder / f"{number:04d}")
        except BadItemError as bad:
            shutil.rmtree(folder / f"{number:04d}", ignore_errors=True)
            rejected.append(Rejected(bad.finding(path), (path,)))
            continue
        age = modified.pop(path)
        home = _home(path, modified)
        for member, file in members.items():
            modified[join(home, member)] = age
            places[join(home, member)] = file
    return dataclasses.replace(tree, modified=modified, places=places), rejected


def _home(path: str, taken: dict[str, str]) -> str:
    """The archive's name without its suffix, or with it when there is such a folder already."""
    suffix = next(s for s in ZIP_SUFFIXES + TAR_SUFFIXES if path.lower().endswith(s))
    home = path[: -len(suffix)]
    return path if any(p == home or p.startswith(home + "/") for p in taken) else home


def _unpack(archive: Path, folder: Path) -> dict[str, Path]:
    """Member name -> local file."""
    folder.mkdir(parents=True)
    allowed = _allowed_bytes(archive, folder)
    files: dict[str, Path] = {}
    try:
        for name, stream in _members(archive):
            member = _safe_name(name)
            if is_junk(member):
                continue
            if member in files or len(files) >= MAX_FILES:
                raise _refused(f"{name} twice or more than {MAX_FILES:,} files", "pack it again")
            files[member] = folder / member
            files[member].parent.mkdir(parents=True, exist_ok=True)
            with files[member].open("wb") as target:
                allowed -= _copy(stream, target, allowed)
    except _DAMAGE as problem:
        raise BadItemError(
            "archive-unreadable", "archive", f"cannot be unpacked ({problem}): pack and upload it again"
        ) from problem
    return files


def _allowed_bytes(archive: Path, folder: Path) -> int:
    packed = archive.stat().st_size
    return min(max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * packed), int(_DISK_SHARE * shutil.disk_usage(folder).free))


def _copy(source: IO[bytes], target: IO[bytes], allowed: int) -> int:
    """Copy, counting what really comes out: the sizes in an archive's directory may lie."""
    copied = 0
    while chunk := source.read(_CHUNK_BYTES):
        copied += len(chunk)
        if copied > allowed:
            raise _refused("far more data than its size allows", "upload the folder itself")
        target.write(chunk)
    return copied


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.name.lower().endswith(ZIP_SUFFIXES):
        with zipfile.ZipFile(archive) as bundle:
            yield from _zip_members(bundle)
    else:
        with tarfile.open(archive, "r:*", tarinfo=CarefulTarInfo) as bundle:
            yield from _tar_members(bundle)


def _zip_members(bundle: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for info in bundle.infolist():
        if info.flag_bits & 1:
            raise _refused(f"{info.filename} under a password", "pack it without one")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _refused(f"the link {info.filename}", "pack the files themselves")
        if not info.is_dir():
            with bundle.open(info) as stream:
                yield info.filename, stream


def _tar_members(bundle: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for info in bundle:
        if info.isdir():
            continue
        if not info.isreg():
            raise _refused(f"{info.name}, which is a link or a device", "pack the files themselves")
        yield info.name, bundle.extractfile(info) or io.BytesIO()


def _safe_name(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0] or "\0" in name:
        raise _refused(f"{name!r}, which leads out of its folder", "pack it with relative names")
    return str(path)


def _refused(what: str, fix: str) -> BadItemError:
    return BadItemError("archive-refused", "archive", f"holds {what}: {fix}")
