"""Arrays in an .npz that is whole or not there: written beside, synced to the disk, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskrcnn.program import JobError

WRITING = ".writing"
"""Suffix of a file that is not whole yet; one that is left over tells of a process that was killed."""


class DamagedFileError(Exception):
    """The file cannot be used; the message is the reason."""


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays under their names; a reader sees the old file or the new one, also after a power cut.

    Raises:
        JobError: CONFIG_INVALID: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(WRITING)
    try:
        with beside.open("wb") as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]  # the stub takes the names for options
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if error.errno != errno.ENOSPC:
            raise
        needed, free = sum(array.nbytes for array in arrays.values()), shutil.disk_usage(path.parent).free
        raise JobError("CONFIG_INVALID", f"{path}: needs {needed / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB left: "
                       "raise volume_gb of the training settings, or lower keep_checkpoints") from error


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of the file; each one's checksum is verified.

    Raises:
        DamagedFileError: the file is cut off, altered or something else.
    """
    with _damage_is_named(), path.open("rb") as file, np.load(file) as entries:
        return {name: entries[name] for name in entries.files}


def read_entry(path: Path, name: str) -> NDArray[Any]:
    """One array of the file.

    Raises:
        DamagedFileError: as `read`, or the entry is missing.
    """
    with _damage_is_named(), path.open("rb") as file, np.load(file) as entries:
        array: NDArray[Any] = entries[name]
        return array


def check(arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse arrays that are not all there, in these shapes.

    Raises:
        DamagedFileError: names the first one that is missing or has another shape.
    """
    if missing := sorted(shapes.keys() - arrays.keys()):
        raise DamagedFileError(f"{len(missing)} entries are missing, first {missing[0]}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise DamagedFileError(f"{name} has the shape {arrays[name].shape} instead of {shape}")


def first_not_finite(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Name of the first array with a NaN or an infinity."""
    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)


def remove_torn(folder: Path) -> list[str]:
    """Delete what a killed process left half-written; returns the names."""
    return [_removed(path) for path in sorted(folder.glob(f"*{WRITING}"))]


def remove(paths: Iterable[Path]) -> None:
    """Delete files that are no longer needed; one that is gone already is fine."""
    for path in paths:
        _removed(path)


def _removed(path: Path) -> str:
    path.unlink(missing_ok=True)
    return path.name


@contextlib.contextmanager
def _damage_is_named() -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise DamagedFileError("it is empty") from error
    except KeyError as error:
        raise DamagedFileError(f"an entry is missing: {error.args[0]}") from error
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DamagedFileError(f"it is cut off or altered: {error}") from error


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
