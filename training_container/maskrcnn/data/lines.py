"""Documents as lines of a packed file, so that hosts can hand them around and nobody holds them all."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from app.contracts import documents

D = TypeVar("D")
_QUICK = 1


def write_lines(path: Path, items: Iterable[Any]) -> Path:
    """Write one document a line; returns the path."""
    with gzip.open(path, "wb", _QUICK) as packed:
        for item in items:
            packed.write(documents.to_json(item).encode() + b"\n")
    return path


def read_lines(kind: type[D], path: Path) -> Iterator[D]:
    """Read what `write_lines` wrote, one document at a time."""
    with gzip.open(path, "rb") as packed:
        for line in packed:
            yield documents.from_json(kind, line)
