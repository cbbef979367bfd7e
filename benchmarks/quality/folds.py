"""One prepared data set as several trainings with their held-out images."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from maskrcnn.data import local, schema

from app.contracts import documents, keys
from app.contracts.dataset import Member, VersionManifest

HELD_OUT = "held out"
"""The fold in which the data set's own test images are the ones held out."""
VALIDATION_SHARE = 8
"""One group in so many chooses the best weights of a fold."""


@dataclasses.dataclass(frozen=True)
class Fold:
    """One division of the images: folders as training and evaluation have them as channels."""

    name: str
    folder: Path

    @property
    def test(self) -> Path:
        """Shards of the images held out."""
        return self.folder / "test"


def prepared(source: Path, work: Path) -> tuple[Path, VersionManifest]:
    """Import a folder of labelled images, once for the same folder name."""
    bucket = work / "data" / source.name
    manifest = bucket / local.LOCAL_MANIFEST
    if not manifest.exists():
        local.prepare_folder(source, bucket)
    return bucket, documents.from_json(VersionManifest, manifest.read_text())


def folds(bucket: Path, manifest: VersionManifest, count: int, work: Path) -> list[Fold]:
    """The held-out split, then `count` folds over everything else; images of one part stay together.

    Args:
        bucket: Prepared data set.
        manifest: Of it.
        count: 0 or at least 2.
        work: Where the channels are written.
    """
    found = [Fold(HELD_OUT, bucket)]
    groups = _groups(bucket, manifest)
    records = {split: _records(bucket / split) for split in ("train", "val")}
    images = [(groups[name], record) for split in records.values() for name, record in split.items()]
    for number in range(count):
        folder = work / "folds" / manifest.version / f"{number + 1} of {count}"
        if not folder.exists():
            beside = folder.with_suffix(".part")
            shutil.rmtree(beside, ignore_errors=True)
            _write_fold(beside, manifest, _divided(images, number, count))
            beside.rename(folder)
        found.append(Fold(f"fold {number + 1} of {count}", folder))
    return found


def _groups(bucket: Path, manifest: VersionManifest) -> Mapping[str, str]:
    """Image hash -> what must stay together."""
    stream = gzip.decompress((bucket / keys.version_members(manifest.version)).read_bytes())
    members = [documents.from_json(Member, line) for line in stream.splitlines()]
    return {member.image_sha256: member.group or member.image_sha256 for member in members}


def _records(folder: Path) -> dict[str, bytes]:
    found = {}
    shards = [str(path) for path in sorted(folder.glob("*.tfrecord"))]
    for record in tf.data.TFRecordDataset(shards).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        found[features[schema.SOURCE_ID].bytes_list.value[0].decode()] = record
    return found


def _divided(images: Sequence[tuple[str, bytes]], number: int, count: int) -> dict[str, list[bytes]]:
    """Which images a fold tests, validates and trains on: by the rank of their group, so that folds are of a size."""
    ranked = sorted({group for group, _ in images}, key=lambda group: hashlib.sha256(group.encode()).digest())
    rest = [group for rank, group in enumerate(ranked) if rank % count != number]
    role = dict.fromkeys(ranked, "test") | dict.fromkeys(rest, "train") | dict.fromkeys(rest[::VALIDATION_SHARE], "val")
    divided: dict[str, list[bytes]] = {"train": [], "val": [], "test": []}
    for group, record in images:
        divided[role[group]].append(record)
    return divided


def _write_fold(folder: Path, manifest: VersionManifest, divided: Mapping[str, Sequence[bytes]]) -> None:
    for split, records in divided.items():
        (folder / split).mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / split / "fold.tfrecord")) as writer:
            for record in records:
                writer.write(record)
    (folder / "dataset").mkdir()
    own = dataclasses.replace(manifest, shards={}, images={split: len(records) for split, records in divided.items()})
    (folder / local.LOCAL_MANIFEST).write_text(documents.to_json(own))
