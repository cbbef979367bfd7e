"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from maskrcnn.program import JobError

_HALF = ".half"


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, whose content comes to its place at the end; what ends by an exception leaves nothing.

    A new folder is written beside its place and renamed. One that exists, which may be a volume of its own, is kept,
    and its content moved up.

    Args:
        target: A new or empty folder.

    Raises:
        JobError: CONFIG_INVALID: the target holds something.
    """
    existed = target.is_dir()
    half = target / _HALF if existed else target.with_name(f".{target.name}{_HALF}")
    shutil.rmtree(half, ignore_errors=True)  # of a process that was killed
    if target.exists() and (not existed or any(target.iterdir())):
        raise JobError("CONFIG_INVALID", f"{target}: holds something already: name a new folder")
    half.mkdir(parents=True)
    try:
        yield half
        if existed:
            for child in sorted(half.iterdir()):
                child.rename(target / child.name)
            half.rmdir()
        else:
            half.rename(target)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
