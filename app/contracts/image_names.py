"""How a person may call an image of the data set: by file name, path below its data set, hash, or 8 digits of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from app.contracts.dataset import Member

_HASH_PIECE = re.compile(r"[0-9a-f]{8,63}")


def meant(names: Iterable[str], members: Iterable[Member]) -> dict[str, list[Member]]:
    """Name -> the members that it may mean; a name that means none is absent. Reads the members once."""
    wanted = set(names)
    lengths = sorted({len(name) for name in wanted if _HASH_PIECE.fullmatch(name)})
    found: dict[str, list[Member]] = {}
    for member in members if wanted else ():
        for name in wanted.intersection(_names(member, lengths)):
            found.setdefault(name, []).append(member)
    return found


def _names(member: Member, lengths: Iterable[int]) -> Iterator[str]:
    yield member.image_sha256
    for length in lengths:
        yield member.image_sha256[:length]
    parts = PurePosixPath(member.file_name).parts
    for first in range(len(parts)):
        yield "/".join(parts[first:])
