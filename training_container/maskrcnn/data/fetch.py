"""Bring a snapshot to the local disk: exactly the frozen versions, in the tree they were uploaded in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, MutableMapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from app.contracts import documents, keys
from app.contracts.dataset import SnapshotEntry
from maskrcnn.data import findings
from maskrcnn.data.ahead import ahead
from maskrcnn.data.crew import Share
from maskrcnn.data.ledger import Ledger, Table
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, is_junk
from maskrcnn.program import JobError
from maskrcnn.storage import DOWNLOAD_THREADS, ObjectNotFoundError, Store

log = logging.getLogger("castline")


def fetch(
    store: Store, snapshot_key: str, root: Path, share: Share = Share()  # noqa: B008 - frozen
) -> tuple[UploadTree, list[Rejected]]:
    """Download the uploads of the snapshot below `root`.

    A host that works on a share gets the pictures of its share and all other files; another picture that it turns
    out to need comes when it is asked for.

    Returns:
        The tree of all uploads, and the objects whose names no file can have.

    Raises:
        JobError: a frozen version is gone.
    """
    root.mkdir(parents=True, exist_ok=True)
    listed = root.with_name(f"{root.name}.jsonl")
    store.download(snapshot_key, listed)
    ledger = Ledger(root.with_name(f"{root.name}.sqlite"))
    usable: Table[_Frozen] = ledger.table()
    _read(listed, usable)
    rejected = _set_aside(usable)
    source = _Source(store, root, usable)
    wanted = (path for path in usable if share.has(path) or not is_image_name(path))
    count = 0
    for _ in ahead(source.fetch, wanted, threads=DOWNLOAD_THREADS, most=4 * DOWNLOAD_THREADS):
        count += 1
    log.info("fetched %d of %d objects", count, len(usable))
    modified: Table[str] = ledger.table()
    modified.update((path, entry.last_modified) for path, entry in usable.by_key())
    return UploadTree(root, modified, fetch=source.fetch if share.hosts > 1 else None), rejected


class _Frozen(NamedTuple):
    """What is kept of an entry."""

    version_id: str
    last_modified: str


class _Source:
    """The frozen versions in the bucket."""

    def __init__(self, store: Store, root: Path, entries: Mapping[str, _Frozen]) -> None:
        self._store, self._root, self._entries = store, root, entries

    def fetch(self, path: str) -> None:
        """Bring one file to its place, whole or not at all.

        Raises:
            JobError: the frozen version is gone.
        """
        place = self._root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(f".{threading.get_ident():x}.half")
        version = self._entries[path].version_id
        try:
            self._store.download(keys.INBOX + path, half, "" if version == "null" else version)
        except ObjectNotFoundError as problem:
            message = f"an upload vanished after the run began: {problem} Start a new run."
            raise JobError("DATA_INVALID", message) from problem
        half.replace(place)


def _read(snapshot: Path, newest: MutableMapping[str, _Frozen]) -> None:
    """Path -> the newest entry; folder markers and the leavings of file managers are no uploads."""
    with snapshot.open("rb") as lines:
        for line in filter(bytes.strip, lines):
            entry = documents.from_json(SnapshotEntry, line)
            path = entry.key.removeprefix(keys.INBOX)
            if path.endswith("/") or is_junk(path):
                continue
            before = newest.get(path)
            if before is None or entry.last_modified >= before.last_modified:
                newest[path] = _Frozen(entry.version_id, entry.last_modified)


def _set_aside(entries: Table[_Frozen]) -> list[Rejected]:
    """Take out the S3 keys that hold what no file name may: `..`, `//`, or the name of a folder."""
    folders = {str(folder) for path in entries for folder in PurePosixPath(path).parents}
    rejected = []
    for path, _ in entries.by_key():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path in folders:
            words = "cannot be the name of a file: upload it under another name"
            rejected.append(Rejected(findings.error(path, "name", "name-unusable", words), ()))
            del entries[path]
    return rejected
