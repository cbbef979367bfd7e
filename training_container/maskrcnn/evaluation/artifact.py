"""Unpacking a model artifact that somebody else packed."""

from __future__ import annotations

import tarfile
from pathlib import Path

from maskrcnn.program import JobError

ARTIFACT = "model.tar.gz"


def unpack(folder: Path, target: Path) -> Path:
    """Unpack `folder`/model.tar.gz into `target` and return it; nothing can land outside of `target`.

    Raises:
        JobError: the archive is missing, damaged, or holds a path or a kind of file that is refused.
    """
    archive = folder / ARTIFACT
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(target, filter="data")
    except FileNotFoundError as error:
        raise JobError("CONFIG_INVALID", f"{archive}: missing: the job needs the model artifact as an input") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise JobError("DATA_INVALID", f"{archive}: cannot be unpacked ({error}): train the model again") from error
    return target
