"""The one way in which the container reads and writes the members of a version: as a stream."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.contracts import keys, members
from app.contracts.dataset import Member, MemberChange
from maskrcnn.storage import Store


def read_members(store: Store, version: str) -> Iterator[Member]:
    """The members of a version by image hash, one in memory at a time; read them again rather than keep them.

    Raises:
        ObjectNotFoundError: there is no such version.
    """
    yield from _read(store, keys.version_members(version))


class PackedMembers:
    """The members in a file that contracts.members.write made; each iteration is a new pass over it.

    Args:
        path: The file; None is a version without members.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Member]:
        if self._path:
            with self._path.open("rb") as packed:
                yield from members.read(packed)


def download_members(store: Store, version: str, target: Path) -> PackedMembers:
    """The members of a version that are needed more than once.

    Raises:
        ObjectNotFoundError: there is no such version.
    """
    store.download(keys.version_members(version), target)
    return PackedMembers(target)


def read_former(store: Store, version: str) -> Iterator[Member]:
    """The images that left the data set before a version, by image hash; most versions have none."""
    if store.exists(keys.version_former(version)):
        yield from _read(store, keys.version_former(version))


def write_members(store: Store, version: str, entries: Iterable[Member]) -> None:
    """Write the members of a version.

    Args:
        store: The bucket.
        version: Its name.
        entries: Strictly ascending by image hash.
    """
    _write(store, keys.version_members(version), entries)


def upload_members(store: Store, version: str, packed: Path) -> None:
    """Write the members of a version from a file that contracts.members.write made."""
    store.upload(keys.version_members(version), packed)


def write_former(store: Store, version: str, entries: Iterable[Member]) -> None:
    """Write the images that left the data set before a version, ascending by image hash."""
    _write(store, keys.version_former(version), entries)


def write_diff(store: Store, version: str, changes: Iterable[MemberChange]) -> None:
    """Write what a version changed against its parent, ascending by image hash."""
    _write(store, keys.version_diff(version), changes)


def _read(store: Store, key: str) -> Iterator[Member]:
    with tempfile.TemporaryDirectory(prefix="castline-members-") as folder:
        local = Path(folder, "members.jsonl.gz")
        store.download(key, local)
        with local.open("rb") as packed:
            yield from members.read(packed)


def _write(store: Store, key: str, entries: Iterable[Member] | Iterable[MemberChange]) -> None:
    with tempfile.TemporaryDirectory(prefix="castline-members-") as folder:
        local = Path(folder, "members.jsonl.gz")
        with local.open("wb") as packed:
            members.write(entries, packed)
        store.upload(key, local)
