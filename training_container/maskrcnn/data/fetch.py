"""Bring a snapshot to the local disk: exactly the frozen versions, in the tree they were uploaded in."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from app.contracts import documents, keys
from app.contracts.dataset import SnapshotEntry
from maskrcnn.data import findings
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, is_junk
from maskrcnn.program import JobError
from maskrcnn.storage import DOWNLOAD_THREADS, ObjectNotFoundError, Store

log = logging.getLogger("castline")


def fetch(store: Store, snapshot_key: str, root: Path) -> tuple[UploadTree, list[Rejected]]:
    """Download every upload of the snapshot below `root`.

    Returns:
        The tree, and the objects whose names no file can have.

    Raises:
        JobError: a frozen version is gone.
    """
    entries = _entries(store.read(snapshot_key).decode())
    usable, rejected = _split_by_name(entries)
    root.mkdir(parents=True, exist_ok=True)
    for folder in {(root / path).parent for path in usable}:
        folder.mkdir(parents=True, exist_ok=True)

    def download(path: str) -> None:
        entry = usable[path]
        version = "" if entry.version_id == "null" else entry.version_id
        store.download(entry.key, root / path, version)

    with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
        try:
            list(pool.map(download, usable))
        except ObjectNotFoundError as problem:
            pool.shutdown(cancel_futures=True)
            raise JobError(
                "DATA_INVALID", f"an upload vanished after the run began: {problem} Start a new run."
            ) from problem
    log.info("fetched %d objects, %.1f MB", len(usable), sum(e.size_bytes for e in usable.values()) / 1e6)
    return UploadTree(root, {path: entry.last_modified for path, entry in usable.items()}), rejected


def _entries(lines: str) -> list[SnapshotEntry]:
    """The newest entry of each key; folder markers and the leavings of file managers are no uploads."""
    newest: dict[str, SnapshotEntry] = {}
    for line in filter(str.strip, lines.splitlines()):
        entry = documents.from_json(SnapshotEntry, line)
        if entry.key.endswith("/") or is_junk(entry.key.removeprefix(keys.INBOX)):
            continue
        if entry.key not in newest or entry.last_modified >= newest[entry.key].last_modified:
            newest[entry.key] = entry
    return list(newest.values())


def _split_by_name(entries: Iterable[SnapshotEntry]) -> tuple[dict[str, SnapshotEntry], list[Rejected]]:
    """An S3 key may hold what no file name may: `..`, `//`, or the name of a folder."""
    by_path = {entry.key.removeprefix(keys.INBOX): entry for entry in entries}
    folders = {str(folder) for path in by_path for folder in PurePosixPath(path).parents}
    usable, rejected = {}, []
    for path, entry in sorted(by_path.items()):
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path in folders:
            rejected.append(
                Rejected(
                    findings.error(
                        path,
                        "name",
                        "name-unusable",
                        "cannot be the name of a file: upload it under another name",
                    ),
                    (),
                )
            )
        else:
            usable[path] = entry
    return usable, rejected
