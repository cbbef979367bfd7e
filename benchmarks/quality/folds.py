"""One prepared data set as several trainings with their held-out images."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from maskrcnn.data import local, schema
from maskrcnn.data.members import read_members
from maskrcnn.local_store import LocalStore
from maskrcnn.training import records

from app.contracts import documents
from app.contracts.dataset import VersionManifest

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
    examples = _records(bucket / "train") | _records(bucket / "val")
    images = [(groups[name], example) for name, example in examples.items()]
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
    members = read_members(LocalStore(bucket), manifest.version)
    return {member.image_sha256: member.group or member.image_sha256 for member in members}


def _records(folder: Path) -> dict[str, bytes]:
    """Image hash -> its example."""
    examples = [record.read() for record in records.scan(folder)]
    features = (tf.train.Example.FromString(example).features.feature for example in examples)
    return {feature[schema.SOURCE_ID].bytes_list.value[0].decode(): example
            for feature, example in zip(features, examples, strict=True)}


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
    for split, examples in divided.items():
        (folder / split).mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / split / "fold.tfrecord")) as writer:
            for example in examples:
                writer.write(example)
    (folder / "dataset").mkdir()
    own = dataclasses.replace(manifest, shards={}, images={split: len(examples) for split, examples in divided.items()})
    (folder / local.LOCAL_MANIFEST).write_text(documents.to_json(own))
