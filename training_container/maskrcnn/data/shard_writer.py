"""Write the shards that a version needs and that are not there yet, each with its summary."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import tensorflow as tf

from app.contracts import documents, keys
from app.contracts.dataset import LabelRecord, Member, ShardSummary
from maskrcnn.data import shards
from maskrcnn.data.ahead import ahead
from maskrcnn.data.library import Library
from maskrcnn.data.shard_plan import NewShard
from maskrcnn.data.statistics import Tally
from maskrcnn.storage import DOWNLOAD_THREADS, Store

_AHEAD = 2 * DOWNLOAD_THREADS


def write_missing(
    members: Iterable[Member],
    wanted: Collection[NewShard],
    library: Library,
    store: Store,
    class_ids: Mapping[str, int],
    folder: Path,
) -> int:
    """Write those of the wanted shards that the store does not have; one shard a split is open at a time.

    Args:
        members: All members of the version by image hash, with the names of their shards.
        wanted: Shards of which this host sees to.
        library: Images and labels.
        store: Gets shards and summaries.
        class_ids: Class name -> id.
        folder: For shards before they are whole; exists.

    Returns:
        How many were written.
    """
    missing = {shard.name for shard in wanted if not store.exists(keys.shard_summary(shard.name))}
    if not missing:
        return 0
    ours = (member for member in members if member.shard in missing)
    opened: dict[str, _Shard] = {}  # by split: in the order of hashes, the shards of a split do not overlap
    for member, example, record in ahead(
        lambda member: _encoded(member, library, class_ids), ours, threads=DOWNLOAD_THREADS, most=_AHEAD
    ):
        current = opened.get(member.split)
        if current is None or current.name != member.shard:
            if current:
                current.publish(store)
            current = opened[member.split] = _Shard(member.shard, folder)
        current.add(example, record)
    for shard in opened.values():
        shard.publish(store)
    return len(missing)


def _encoded(member: Member, library: Library, class_ids: Mapping[str, int]) -> tuple[Member, bytes, LabelRecord]:
    record, body = library.member(member)
    return member, shards.encode(record, body, class_ids), record


class _Shard:
    """One file in the making."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._path = folder / f"{name}.tfrecord"
        self._writer = tf.io.TFRecordWriter(str(self._path))
        self._tally = Tally()
        self._images = 0

    def add(self, example: bytes, record: LabelRecord) -> None:
        self._writer.write(example)
        self._tally.add(record)
        self._images += 1

    def publish(self, store: Store) -> None:
        """The summary goes last: it says that the shard is whole."""
        self._writer.close()
        summary = ShardSummary(self.name, self._images, self._path.stat().st_size, self._tally.result())
        store.upload(keys.shard(self.name), self._path)
        store.write(keys.shard_summary(self.name), documents.to_json(summary).encode(), "application/json")
        self._path.unlink()


def read_summaries(store: Store, names: Iterable[str]) -> Iterator[ShardSummary]:
    """What is known of shards, in the order of `names`."""
    return ahead(
        lambda name: documents.from_json(ShardSummary, store.read(keys.shard_summary(name))),
        names,
        threads=DOWNLOAD_THREADS,
        most=_AHEAD,
    )
