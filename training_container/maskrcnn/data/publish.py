"""Write a data-set version: the shards that are new, its members, the lists of its shards, and the manifest last."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import SPLITS, ClassDefinition, Member, Shard, ShardSummary, Split, VersionManifest
from app.contracts.members import read
from maskrcnn.data import shard_plan
from maskrcnn.data.crew import Share
from maskrcnn.data.library import Library
from maskrcnn.data.members import upload_members
from maskrcnn.data.shard_plan import NewShard
from maskrcnn.data.shard_writer import read_summaries, write_missing
from maskrcnn.data.statistics import add_up
from maskrcnn.storage import Store

log = logging.getLogger("castline")
Members = Callable[[], Iterable[Member]]
"""Begins a new pass over all members of a version by image hash; they are read again rather than kept."""


@dataclasses.dataclass(frozen=True)
class Publication:
    """A version that is to be published.

    Attributes:
        version: Its name.
        parent: What it is built on.
        run_id: The run that makes it.
        classes: Its classes.
        added: Images that the parent does not have.
        relabelled: Images whose label says something else than in the parent.
        removed: Images that the parent has and this version has not.
        former: Images that left the data set, in this version or before.
        new_shards: Shards that the parent does not have, by name.
        kept_shards: How many stay as they are.
    """

    version: str
    parent: str | None
    run_id: str
    classes: tuple[ClassDefinition, ...]
    added: int
    relabelled: int
    removed: int
    former: int
    new_shards: tuple[NewShard, ...]
    kept_shards: int


def place(
    members: Members, parent: VersionManifest | None, classes: Sequence[ClassDefinition]
) -> tuple[tuple[NewShard, ...], int, Members]:
    """Give each member its shard.

    Returns:
        The new shards by name, how many shards of the parent stay, and the members with their shards.
    """
    cut = shard_plan.cut(members(), parent)
    new = shard_plan.name(members(), cut, classes)
    shards = tuple(sorted(new.values(), key=lambda shard: shard.name))
    return shards, len(cut.kept), lambda: shard_plan.placed(members(), cut, new)


def write_share(
    publication: Publication, members: Members, store: Store, library: Library, folder: Path, share: Share
) -> None:
    """Write this host's share of the new shards, as far as they do not exist yet."""
    ours = publication.new_shards[share.rank :: share.hosts]
    folder.mkdir(parents=True, exist_ok=True)
    ids = {c.name: c.id for c in publication.classes}
    written = write_missing(members(), ours, library, store, ids, folder)
    log.info("shards: %d kept, %d new, of which %d written here", publication.kept_shards,
             len(publication.new_shards), written)


def finish(publication: Publication, packed: Path, store: Store) -> VersionManifest:
    """Write members, lists of shards and the manifest, which says that the version is whole.

    Args:
        publication: The version.
        packed: Its members with their shards, as contracts.members.write has written them.
        store: The bucket.
    """
    with packed.open("rb") as file:
        images, homes = _look(read(file))
    summaries = list(read_summaries(store, sorted(homes)))
    shards: dict[str, tuple[Shard, ...]] = {
        split: tuple(Shard(s.name, s.images, s.size_bytes) for s in summaries if homes[s.name] == split)
        for split in SPLITS
    }
    manifest = VersionManifest(
        publication.version,
        publication.parent,
        publication.classes,
        images,
        shards,
        add_up(publication.classes, _with_split(summaries, homes)),
        publication.added,
        publication.relabelled,
        publication.removed,
        publication.former,
        publication.run_id,
    )
    upload_members(store, manifest.version, packed)
    for split in SPLITS:
        _write_channel(store, manifest, split)
    body = documents.to_json(manifest).encode()
    store.write(keys.version_manifest(manifest.version), body, "application/json")
    return manifest


def find(store: Store, version: str) -> VersionManifest | None:
    """The manifest of a version that is whole already."""
    key = keys.version_manifest(version)
    return documents.from_json(VersionManifest, store.read(key)) if store.exists(key) else None


def _look(members: Iterable[Member]) -> tuple[dict[str, int], dict[str, Split]]:
    """Split -> number of images, and shard -> its split."""
    counts: Counter[str] = Counter()
    homes: dict[str, Split] = {}
    for member in members:
        counts[member.split] += 1
        homes[member.shard] = member.split
    return {split: counts[split] for split in SPLITS}, homes


def _with_split(
    summaries: Iterable[ShardSummary], homes: Mapping[str, Split]
) -> Iterator[tuple[Split, ShardSummary]]:
    return ((homes[summary.name], summary) for summary in summaries)


def _write_channel(store: Store, manifest: VersionManifest, split: Split) -> None:
    """The form that CreateTrainingJob and CreateProcessingJob take with S3DataType ManifestFile."""
    files = [keys.shard(shard.name).removeprefix(keys.SHARDS) for shard in manifest.shards[split]]
    listed = [{"prefix": store.uri(keys.SHARDS)}, *files]
    store.write(keys.version_channel(manifest.version, split), json.dumps(listed).encode(), "application/json")
