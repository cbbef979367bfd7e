"""Write a data-set version: images and labels that are new, shards, and the manifest last."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import ClassDefinition, LabelRecord, Member, Split, VersionManifest
from maskrcnn.data import shards
from maskrcnn.data.intake import Accepted
from maskrcnn.data.members import write_diff, write_former, write_members
from maskrcnn.data.merge import Merged
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.versions import StatisticsCollector
from maskrcnn.storage import DOWNLOAD_THREADS, Store

log = logging.getLogger("castline")
SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Library:
    """Images and labels by hash: from the scratch folder when this run brought them, else from the store."""

    def __init__(self, store: Store, scratch: Scratch) -> None:
        self._store, self._scratch = store, scratch

    def label(self, label_sha256: str) -> LabelRecord:
        """A label record."""
        if not self._scratch.label(label_sha256).exists():
            self._scratch.label(label_sha256).write_bytes(self._store.read(keys.label(label_sha256)))
        return self._scratch.read_label(label_sha256)

    def member(self, member: Member) -> tuple[LabelRecord, bytes]:
        """The label record and the image bytes of a member."""
        local = self._scratch.image(member.image_sha256, member.image_extension)
        body = (
            local.read_bytes()
            if local.exists()
            else self._store.read(keys.image(member.image_sha256, member.image_extension))
        )
        return self.label(member.label_sha256), body

    def add(self, items: Iterable[Accepted]) -> None:
        """Store the images and labels of this run; both are named by their content and never rewritten."""
        files = []
        for item in items:
            sha256, extension = item.image_sha256, item.image_extension
            files.append((keys.image(sha256, extension), self._scratch.image(sha256, extension)))
            files.append((keys.label(item.label_sha256), self._scratch.label(item.label_sha256)))
        with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
            list(pool.map(lambda file: self._upload_once(*file), files))

    def _upload_once(self, key: str, source: Path) -> None:
        if not self._store.exists(key):
            self._store.upload(key, source)


def publish(
    store: Store,
    library: Library,
    scratch: Scratch,
    version: str,
    parent: str | None,
    run_id: str,
    merged: Merged,
    classes: Sequence[ClassDefinition],
) -> VersionManifest:
    """Write the shards and then the manifest of a version; a version that exists is read and left alone."""
    key = keys.version_manifest(version)
    if store.exists(key):
        log.info("version %s exists already: its shards are used as they are", version)
        return documents.from_json(VersionManifest, store.read(key))
    statistics = StatisticsCollector()
    class_ids = {c.name: c.id for c in classes}
    names: dict[str, tuple[str, ...]] = {}
    for split in SPLITS:
        names[split] = _write_split(store, library, scratch, version, split, merged.members, class_ids, statistics)
    manifest = VersionManifest(
        version,
        parent,
        tuple(classes),
        {split: sum(m.split == split for m in merged.members) for split in SPLITS},
        names,
        statistics.result(classes),
        merged.count("added"),
        merged.count("relabelled"),
        merged.count("removed"),
        len(merged.former),
        run_id,
    )
    write_members(store, version, merged.members)
    write_diff(store, version, merged.changes)
    if merged.former:
        write_former(store, version, merged.former)
    store.write(key, documents.to_json(manifest).encode(), "application/json")
    return manifest


def _write_split(
    store: Store,
    library: Library,
    scratch: Scratch,
    version: str,
    split: str,
    members: Sequence[Member],
    class_ids: dict[str, int],
    statistics: StatisticsCollector,
) -> tuple[str, ...]:
    def load(member: Member) -> tuple[LabelRecord, bytes]:
        record, body = library.member(member)
        statistics.add(record, member.split)
        return record, body

    folder = scratch.folder / "shards" / split
    folder.mkdir(parents=True)
    paths = shards.write_shards((m for m in members if m.split == split), load, class_ids, folder)
    for path in paths:
        store.upload(keys.version_shards(version, split) + path.name, path)
        path.unlink()
    return tuple(path.name for path in paths)
