"""The one way in which the container reads and writes the members of a version: as a stream."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.contracts import keys, members
from app.contracts.dataset import Member
from maskrcnn.storage import Store


def read_members(store: Store, version: str) -> Iterator[Member]:
    """The members of a version by image hash, one in memory at a time; read them again rather than keep them.

    Raises:
        ObjectNotFoundError: there is no such version.
    """
    with tempfile.TemporaryDirectory(prefix="castline-members-") as folder:
        local = Path(folder, "members.jsonl.gz")
        store.download(keys.version_members(version), local)
        with local.open("rb") as packed:
            yield from members.read(packed)


def write_members(store: Store, version: str, entries: Iterable[Member]) -> None:
    """Write the members of a version.

    Args:
        store: The bucket.
        version: Its name.
        entries: Strictly ascending by image hash.
    """
    with tempfile.TemporaryDirectory(prefix="castline-members-") as folder:
        local = Path(folder, "members.jsonl.gz")
        with local.open("wb") as packed:
            members.write(entries, packed)
        store.upload(keys.version_members(version), local)
