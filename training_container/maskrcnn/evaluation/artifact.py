"""Unpacking a model artifact that somebody else packed."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

from app.contracts import archives
from maskrcnn.program import JobError

ARTIFACT = "model.tar.gz"


def unpack(folder: Path, target: Path) -> Path:
    """Unpack `folder`/model.tar.gz into `target` and return it; see unpack_archive."""
    return unpack_archive(folder / ARTIFACT, target)


def unpack_archive(archive: Path, target: Path) -> Path:
    """Unpack a .tar.gz into `target` and return it; see app.contracts.archives for what is refused.

    Raises:
        JobError: the archive is missing, damaged, or holds what no honest artifact does.
    """
    try:
        archives.unpack(archive, target)
    except FileNotFoundError as error:
        raise JobError("CONFIG_INVALID", f"{archive}: missing: the job needs the model artifact as an input") from error
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise JobError("DATA_INVALID", f"{archive}: cannot be unpacked ({error}): train the model again") from error
    return target
