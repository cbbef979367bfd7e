"""What differs between two data-set versions, from their members as sorted streams; memory does not grow with them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.client.pipeline import Pipeline
from app.client.runs import read_object
from app.client.versions import THREADS
from app.contracts import documents, keys
from app.contracts.dataset import LabelRecord, Member, Split

T = TypeVar("T")
NAMES_KEPT = 20
LABELS_COMPARED = 2000
"""Relabelled images whose labels are fetched to say what changed in them."""


@dataclasses.dataclass(frozen=True)
class Moved:
    """An image in another split; never between versions of one lineage."""

    file_name: str
    before: Split
    after: Split


@dataclasses.dataclass(frozen=True)
class ClassChange:
    """What relabelling did to the objects of one class."""

    name: str
    drawn: int
    """Objects that were not there before."""
    deleted: int
    redrawn: int
    """Another outline in the same image."""
    images: int


@dataclasses.dataclass(frozen=True)
class Difference:
    """Counts of all images, and the names of some of each kind, sorted."""

    before: str
    after: str
    same: int = 0
    added: int = 0
    relabelled: int = 0
    removed: int = 0
    moved: int = 0
    added_names: tuple[str, ...] = ()
    relabelled_names: tuple[str, ...] = ()
    removed_names: tuple[str, ...] = ()
    moved_names: tuple[Moved, ...] = ()
    classes: tuple[ClassChange, ...] = ()
    labels_compared: int = 0
    """Relabelled images that `classes` counts."""


@dataclasses.dataclass
class _Tally:
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    added: list[str] = dataclasses.field(default_factory=list)
    relabelled: list[tuple[Member, Member]] = dataclasses.field(default_factory=list)
    removed: list[str] = dataclasses.field(default_factory=list)
    moved: list[Moved] = dataclasses.field(default_factory=list)


def compare(
    before: tuple[str, Iterable[Member]],
    after: tuple[str, Iterable[Member]],
    names: int = NAMES_KEPT,
    load: Callable[[str], LabelRecord] | None = None,
) -> Difference:
    """Compare two versions.

    Args:
        before: Name and members, sorted by image hash, of the version to start from.
        after: The same of the other one.
        names: How many names of each kind to keep.
        load: Label hash -> record, to say what relabelling changed; None leaves that out.
    """
    tally = _tally(before[1], after[1], names)
    classes = _classes(tally.relabelled, load) if load else ()
    counts = {name: tally.counts[name] for name in ("same", "added", "relabelled", "removed", "moved")}
    return Difference(
        before[0], after[0], **counts,
        added_names=tuple(sorted(tally.added)),
        relabelled_names=tuple(sorted(new.file_name for _, new in tally.relabelled[:names])),
        removed_names=tuple(sorted(tally.removed)), moved_names=tuple(tally.moved), classes=classes,
        labels_compared=len(tally.relabelled) if load else 0)


def label_reader(pipeline: Pipeline) -> Callable[[str], LabelRecord]:
    """Reads label records of a deployment by their hash."""
    return lambda sha: documents.from_json(LabelRecord, read_object(pipeline, keys.label(sha)) or b"")


def _tally(before: Iterable[Member], after: Iterable[Member], names: int) -> _Tally:
    tally = _Tally()
    for old, new in _pairs(iter(before), iter(after)):
        if old is None and new is not None:
            _note(tally, "added", tally.added, new.file_name, names)
        elif new is None and old is not None:
            _note(tally, "removed", tally.removed, old.file_name, names)
        elif old and new:
            if old.split != new.split:
                _note(tally, "moved", tally.moved, Moved(new.file_name, old.split, new.split), names)
            if old.label_sha256 != new.label_sha256:
                _note(tally, "relabelled", tally.relabelled, (old, new), LABELS_COMPARED)
            elif old.split == new.split:
                tally.counts["same"] += 1
    return tally


def _note(tally: _Tally, kind: str, kept: list[T], item: T, limit: int) -> None:
    tally.counts[kind] += 1
    if len(kept) < limit:
        kept.append(item)


def _pairs(before: Iterator[Member], after: Iterator[Member]) -> Iterator[tuple[Member | None, Member | None]]:
    """Both streams side by side: the two entries of each image, None where a side has none."""
    old, new = next(before, None), next(after, None)
    while old or new:
        first = min(member.image_sha256 for member in (old, new) if member)
        left = old if old and old.image_sha256 == first else None
        right = new if new and new.image_sha256 == first else None
        yield left, right
        old = next(before, None) if left else old
        new = next(after, None) if right else new


def _classes(pairs: Iterable[tuple[Member, Member]], load: Callable[[str], LabelRecord]) -> tuple[ClassChange, ...]:
    """Add up what relabelling changed, class by class, sorted by name."""
    totals: dict[str, Counter[str]] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for changes in pool.map(lambda pair: _changes(load(pair[0].label_sha256), load(pair[1].label_sha256)), pairs):
            for name, change in changes.items():
                totals.setdefault(name, Counter()).update(change)
    return tuple(
        ClassChange(name, total["drawn"], total["deleted"], total["redrawn"], total["images"])
        for name, total in sorted(totals.items()))


def _changes(before: LabelRecord, after: LabelRecord) -> dict[str, Counter[str]]:
    """Class -> what changed in one image; objects that are equal in class, box and mask are the same."""
    old, new = Counter(before.instances), Counter(after.instances)
    gone = Counter(instance.class_name for instance in (old - new).elements())
    come = Counter(instance.class_name for instance in (new - old).elements())
    return {
        name: Counter(drawn=come[name] - both, deleted=gone[name] - both, redrawn=both, images=1)
        for name in gone.keys() | come.keys() for both in [min(gone[name], come[name])]}
