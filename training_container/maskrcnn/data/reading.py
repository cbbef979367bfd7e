"""Read all uploads: recognise the data sets, check every image, keep what is good, explain what is not."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence

from app.contracts.dataset import Finding
from maskrcnn.data import outlines, spelling, suspicions, verdict_words
from maskrcnn.data.ahead import ahead
from maskrcnn.data.checks import check
from maskrcnn.data.crew import Share
from maskrcnn.data.importers import IMPORTERS, LAST_RESORT
from maskrcnn.data.intake import Accepted, Intake, Said, Taken
from maskrcnn.data.ledger import Table
from maskrcnn.data.leftovers import leftovers
from maskrcnn.data.notes import with_notes
from maskrcnn.data.recognition import Recognised, claimed_by, recognise
from maskrcnn.data.removal import Request, requests
from maskrcnn.data.review import unreviewed
from maskrcnn.data.samples import DataSet, Importer, Rejected, Sample
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.split_lists import SplitLists
from maskrcnn.data.tree import UploadTree, parent, upload_of
from maskrcnn.data.versions import meaning

log = logging.getLogger("castline")
_DATA_SETS_LOGGED = 5
_THREADS = os.cpu_count() or 1


def read_uploads(
    tree: UploadTree,
    known_classes: Collection[str],
    scratch: Scratch,
    importers: Sequence[Importer] = IMPORTERS,
    last_resort: Sequence[Importer] = LAST_RESORT,
    part_classes: Collection[str] = (),
) -> Intake:
    """Check every upload on this host; see Reading."""
    intake = Intake(scratch.ledger)
    reading = Reading(
        tree, known_classes, scratch, importers=importers, last_resort=last_resort, part_classes=part_classes
    )
    for taken in reading:
        intake.add(taken)
    intake.removals, intake.formats = reading.removals, reading.formats
    return intake


class Reading:
    """All uploads, image by image; decoded images are in memory for a moment only.

    Every host of a crew reads all labels, so that all recognise the same data sets and count in the same order, and
    checks the images of its share.

    Args:
        tree: The uploads, without archives.
        known_classes: The accepted class names; empty accepts any.
        scratch: Where canonical images and labels are kept.
        share: The images of this host.
        importers: The formats to look for.
        last_resort: The formats to look for among the photographs that then are left.
        part_classes: Classes that are the part itself; every other class is a defect.

    Attributes:
        removals: What the notes ask to remove; known once all was read.
        formats: Names of the recognised formats; likewise.
    """

    def __init__(
        self,
        tree: UploadTree,
        known_classes: Collection[str],
        scratch: Scratch,
        share: Share = Share(),  # noqa: B008 - frozen
        importers: Sequence[Importer] = IMPORTERS,
        last_resort: Sequence[Importer] = LAST_RESORT,
        part_classes: Collection[str] = (),
    ) -> None:
        self._tree, self._known_classes, self._scratch, self._share = tree, known_classes, scratch, share
        self._importers, self._last_resort, self._part_classes = importers, last_resort, part_classes
        self._numbers = itertools.count()
        self._split_lists = SplitLists({})
        self.removals: tuple[Request, ...] = ()
        self.formats: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Taken]:
        """What came of each item of this host's share, in the order of numbers."""
        tree, rejected = with_notes(self._tree)
        self.removals = tuple(requests(self._tree, tree))
        self._split_lists = SplitLists(tree.notes)
        claimed: Table[None] = self._scratch.ledger.table()
        _claim(claimed, itertools.chain.from_iterable(item.files for item in rejected))
        recognised, not_found = recognise(tree, self._importers, self._last_resort)
        yield from self._told(self._rejected(item) for item in (*rejected, *not_found))
        yield from self._read_all(tree, recognised, claimed)
        late, _ = recognise(dataclasses.replace(tree.without(claimed), notes={}), self._last_resort)
        yield from self._read_all(tree, late, claimed)
        lost, unused = leftovers(tree, claimed)
        yield from self._told(self._rejected(item) for item in lost)
        remarks = (*unused, *self._split_lists.unused())
        yield from self._told(Taken(next(self._numbers), (finding,)) for finding in remarks)
        self.formats = tuple(sorted({found.importer.name for found in (*recognised, *late)}))

    def _rejected(self, item: Rejected) -> Taken:
        return Taken(next(self._numbers), (item.finding,), files=item.files, is_fault=item.is_fault)

    def _told(self, items: Iterable[Taken]) -> Iterator[Taken]:
        """What every host knows, the first one tells."""
        return (item for item in items if self._share.rank == 0)

    def _read_all(self, tree: UploadTree, recognised: Sequence[Recognised], claimed: Table[None]) -> Iterator[Taken]:
        """Take in data sets, the oldest upload first; adds the files they are made of to `claimed`."""
        _claim(claimed, claimed_by(tree, (found.data_set for found in recognised)))
        _say(recognised)
        for found in sorted(recognised, key=lambda found: _age(tree, found.data_set)):
            items = self._items(tree, found, claimed)
            yield from ahead(lambda item: item(), items, threads=_THREADS, most=2 * _THREADS)

    def _items(self, tree: UploadTree, found: Recognised, claimed: Table[None]) -> Iterator[_Work]:
        """The work on each item of one data set that is this host's."""
        for item in found.importer.read(tree, found.data_set):
            if isinstance(item, Rejected):
                _claim(claimed, item.files)
                yield from (_Done(taken) for taken in self._told([self._rejected(item)]))
                continue
            _claim(claimed, (item.image, item.annotation))
            if finding := unreviewed(item):
                waiting = Rejected(finding, (item.image, item.annotation), is_fault=False)
                yield from (_Done(taken) for taken in self._told([self._rejected(waiting)]))
                continue
            if listed := self._split_lists.split_of(item.image):
                item = dataclasses.replace(item, split=listed)
            number = next(self._numbers)
            if self._share.has(item.image):
                yield _Check(tree, number, item, found, self._known_classes, self._part_classes, self._scratch)


@dataclasses.dataclass(frozen=True)
class _Done:
    taken: Taken

    def __call__(self) -> Taken:
        return self.taken


@dataclasses.dataclass(frozen=True)
class _Check:
    """One image to check, by whichever thread is free."""

    tree: UploadTree
    number: int
    sample: Sample
    found: Recognised
    known_classes: Collection[str]
    part_classes: Collection[str]
    scratch: Scratch

    def __call__(self) -> Taken:
        sample = spelling.renamed(self.sample, self.tree.aliases_at(self.sample.annotation))
        source = self.found.importer.name
        checked = check(sample, self.tree.read(sample.image), self.known_classes, source)
        said = Said(sample.image, self.found.data_set.root, sample.split)
        found: tuple[Finding, ...] = (*sample.findings, *checked.findings)
        if checked.image is None or checked.record is None:
            drawn = outlines.of_sample(sample, found)
            return Taken(self.number, found, said=said, files=(sample.image, sample.annotation), outlines=drawn)
        image, record = checked.image, checked.record
        found += tuple(suspicions.of_label(sample.image, record, self.part_classes))
        self.scratch.keep_image(image)
        item = Accepted(
            sample.image,
            image.sha256,
            image.extension,
            self.scratch.keep_label(record),
            record.file_name,
            record.width,
            record.height,
            tuple(instance.class_name for instance in record.instances),
            len(image.body),
            meaning(record),
            image.fingerprint,
            tuple(instance.area_px for instance in record.instances),
            tuple(number for number, instance in enumerate(record.instances, 1) if instance.mask is None),
            verdict_words.of_tags(record.tags) is not None,
        )
        return Taken(self.number, found, item, said, sample.is_weak)


_Work = _Done | _Check


def _claim(claimed: Table[None], files: Iterable[str]) -> None:
    claimed.update((file, None) for file in files)


def _say(recognised: Sequence[Recognised]) -> None:
    """One line a data set, or one for all of a format in an upload where these are many."""
    groups: dict[tuple[str, str, str], list[DataSet]] = {}
    for found in recognised:
        why = "as castline.json says" if found.told else "recognised"
        upload = upload_of(found.data_set.files[0])
        groups.setdefault((why, found.importer.name, upload), []).append(found.data_set)
    for (why, name, upload), data_sets in groups.items():
        for data_set in data_sets[:_DATA_SETS_LOGGED]:
            log.info("%s %s: %s", why, name, _said_of(data_set))
        if rest := data_sets[_DATA_SETS_LOGGED:]:
            files = sum(len(data_set.files) for data_set in rest)
            where = upload or "the inbox"
            log.info("%s %s: ... and %d files in %d more folders of %s", why, name, files, len(rest), where)


def _age(tree: UploadTree, data_set: DataSet) -> tuple[str, str, tuple[str, ...]]:
    return tree.age_of(upload_of(data_set.files[0])), data_set.root, data_set.files


def _said_of(data_set: DataSet) -> str:
    """`casting/train/ann (177 files)` or `tiny/annotations/instances_val.json`."""
    files = data_set.files
    return files[0] if len(files) == 1 else f"{parent(files[0])} ({len(files)} files)"
