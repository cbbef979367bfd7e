"""Unpacking a model artifact that somebody else packed."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from maskrcnn.program import JobError

ARTIFACT = "model.tar.gz"


def unpack(folder: Path, target: Path) -> Path:
    """Unpack `folder`/model.tar.gz into `target` and return it; see unpack_archive."""
    return unpack_archive(folder / ARTIFACT, target)


def unpack_archive(archive: Path, target: Path) -> Path:
    """Unpack a .tar.gz into `target` and return it.

    Only plain files come out, and only inside of `target`. tarfile's own filter does the same, but Python 3.11
    has it from 3.11.4 on only, and Debian 12 comes with 3.11.2.

    Raises:
        JobError: the archive is missing, damaged, or holds a path or a kind of file that is refused.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _extract(tar, member, target.resolve())
    except FileNotFoundError as error:
        raise JobError("CONFIG_INVALID", f"{archive}: missing: the job needs the model artifact as an input") from error
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise JobError("DATA_INVALID", f"{archive}: cannot be unpacked ({error}): train the model again") from error
    return target


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        return
    place = (target / member.name).resolve()
    content = tar.extractfile(member) if member.isfile() else None
    if content is None or not place.is_relative_to(target):
        raise ValueError(f"{member.name}: an artifact holds plain files inside its own folder only")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(content, file)
