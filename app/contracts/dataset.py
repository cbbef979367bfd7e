"""The canonical data set: what prepare writes and train, evaluate and the command line read."""

from __future__ import annotations

import dataclasses
from typing import Literal

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class SnapshotEntry:
    """One frozen upload: exactly this version of this object. One a line in snapshot/manifest.jsonl."""

    key: str
    version_id: str
    size_bytes: int
    etag: str
    last_modified: str
    """UTC, ISO 8601."""


@dataclasses.dataclass(frozen=True)
class SnapshotSummary:
    """snapshot/summary.json: what the run was started on."""

    run_id: str
    objects: int
    total_bytes: int
    parent_version: str | None
    """The committed data-set version the uploads are added to; None for the first run."""


@dataclasses.dataclass(frozen=True)
class Rle:
    """COCO run-length encoding of one mask: column-major, compressed to an ASCII string."""

    size: tuple[int, int]
    """(height, width) in pixels."""
    counts: str


@dataclasses.dataclass(frozen=True)
class LabelInstance:
    """One labelled object."""

    class_name: str
    bbox: tuple[float, float, float, float]
    """x, y, width, height in pixels (COCO)."""
    mask: Rle | None
    """None when the label is a box only; such an instance never feeds the mask loss."""
    area_px: int
    is_crowd: bool = False


@dataclasses.dataclass(frozen=True)
class LabelRecord:
    """The canonical label of one image: dataset/labels/<sha256 of this record>.json."""

    image_sha256: str
    image_extension: str
    file_name: str
    """The image's path below its data set, so that the name of an upload changes no version."""
    width: int
    height: int
    instances: tuple[LabelInstance, ...]
    tags: tuple[str, ...] = ()
    source_format: str = ""


@dataclasses.dataclass(frozen=True)
class ClassDefinition:
    """One class; ids start at 1, 0 is background."""

    id: int
    name: str
    role: Literal["part", "defect"]


@dataclasses.dataclass(frozen=True)
class Member:
    """One image of a version; one a line in members.jsonl.gz, sorted by image hash."""

    image_sha256: str
    image_extension: str
    label_sha256: str
    """Hash of the canonical label record's bytes."""
    file_name: str
    group: str
    split: Split
    width: int
    height: int
    instances: int
    size_bytes: int = 0
    """Of the image."""
    shard: str = ""
    """Name of the shard that holds it: a version that changes little finds by it what it may keep."""
    fingerprint: str = ""
    """Finds near-duplicates (maskrcnn.data.similarity); no part of the version's name. Empty: compared with none."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file of some 128 MB: dataset/shards/<name>.tfrecord."""

    name: str
    """Hash of what it holds and in which order: images, labels, class ids."""
    images: int
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class ClassTally:
    """How often a class occurs in some images, and how large; tallies of shards add up to those of a version."""

    instances: int
    images: int
    areas_px: dict[str, int]
    """area, to three digits -> number of instances."""
    longer_sides_px: dict[str, int]


@dataclasses.dataclass(frozen=True)
class ShardSummary:
    """dataset/shard-summaries/<name>.json: what a version needs to know of a shard without reading it."""

    name: str
    images: int
    size_bytes: int
    classes: dict[str, ClassTally]


@dataclasses.dataclass(frozen=True)
class MemberChange:
    """What a version changed about one image of its parent; one a line in diff.jsonl.gz, sorted by image hash."""

    image_sha256: str
    change: Literal["added", "relabelled", "removed"]
    file_name: str
    split: Split
    label_sha256: str | None
    """Of the new label; None when the image was removed."""
    label_before: str | None
    """Of the parent's label; None when the image was added."""


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """How often and how large a class is."""

    name: str
    instances: dict[str, int]
    """split -> number of instances."""
    images: dict[str, int]
    median_area_px: float
    """To three digits, like the next."""
    median_longer_side_px: float


@dataclasses.dataclass(frozen=True)
class VersionManifest:
    """dataset/versions/<version>/manifest.json; the version's name is the hash of members, split and classes.

    The members lie beside it in members.jsonl.gz, because a version may have millions: see contracts.members.
    Beside these, in the same form: diff.jsonl.gz, what changed against the parent (contracts.dataset.MemberChange),
    and former.jsonl.gz, images that an earlier version held and this one does not: they keep their split for ever.
    """

    version: str
    parent: str | None
    classes: tuple[ClassDefinition, ...]
    images: dict[str, int]
    """split -> number of images; all three splits."""
    shards: dict[str, tuple[Shard, ...]]
    """split -> its shards, sorted by name."""
    statistics: tuple[ClassStatistics, ...]
    added: int
    relabelled: int
    removed: int
    former: int = 0
    """Images in former.jsonl.gz, which is there only when there are any."""
    run_id: str = ""
    """The run that wrote the version first."""


@dataclasses.dataclass(frozen=True)
class Rollback:
    """Who moved the head back, and why; also kept as dataset/rollbacks/<to>/<from>.json for ever.

    Whatever is built on `to_version` later reads there that `from_version` had images too, and keeps their splits.
    """

    from_version: str
    to_version: str
    by: str
    at: str
    """UTC, ISO 8601."""
    why: str = ""


@dataclasses.dataclass(frozen=True)
class DatasetHead:
    """dataset/head.json: the version that the next run adds to; the newest committed one unless rolled back."""

    version: str
    run_id: str
    committed_at: str
    rollback: Rollback | None = None
    """None when a run moved the head."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing wrong with one uploaded item, in words a person can act on."""

    file: str
    """The object, as uploaded."""
    object: str
    """What in the file: `mask 3 (chipping)`, `image`, `annotation`."""
    rule: str
    """Short name of the rule: `mask-outside-image`, `unknown-class`, `unreadable-image`, ..."""
    message: str
    """`cast_12.png: mask 3 reaches x=530 in an image 512 wide: re-export the annotation`"""
    severity: Severity
    """error: the item went to quarantine; warning: it is used."""


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """check.json: what a check of uploads came to; the findings lie beside it."""

    images: int
    """Images that would be used."""
    rejected: int
    errors: int
    warnings: int
    formats: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class PrepareResult:
    """runs/<run>/prepare/result.json."""

    version: str
    parent: str | None
    changed: bool
    """False when the version equals its parent: nothing new to learn."""
    images: dict[str, int]
    """split -> number of images."""
    instances: dict[str, int]
    """class name -> number of instances."""
    accepted: int
    quarantined: int
    warnings: int
    classes: tuple[ClassDefinition, ...]
    formats: tuple[str, ...]
    seconds: float
    added: int = 0
    relabelled: int = 0
    removed: int = 0
