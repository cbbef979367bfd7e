"""Read all uploads: recognise the data sets, check every image, keep what is good, explain what is not."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Sequence

from app.contracts.dataset import Finding, LabelRecord, Split
from maskrcnn.data import findings
from maskrcnn.data.checks import Checked, check
from maskrcnn.data.images import CanonicalImage
from maskrcnn.data.importers import IMPORTERS, LAST_RESORT
from maskrcnn.data.leftovers import leftovers
from maskrcnn.data.notes import with_notes
from maskrcnn.data.recognition import Recognised, claimed_by, recognise
from maskrcnn.data.removal import Request, requests
from maskrcnn.data.review import unreviewed
from maskrcnn.data.samples import DataSet, Importer, Rejected, Sample
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree, parent, upload_of
from maskrcnn.data.versions import same_label

log = logging.getLogger("castline")
_DATA_SETS_LOGGED = 5


@dataclasses.dataclass(frozen=True)
class Accepted:
    """One usable image; its bytes and its label record lie in the scratch folder."""

    path: str
    image_sha256: str
    image_extension: str
    label_sha256: str
    file_name: str
    width: int
    height: int
    class_names: tuple[str, ...]
    """One an instance."""
    size_bytes: int
    fingerprint: str = ""


@dataclasses.dataclass(frozen=True)
class Said:
    """What one copy of an image says about its split."""

    path: str
    root: str
    """Of its data set."""
    split: Split | None


@dataclasses.dataclass
class Intake:
    """What came of the uploads.

    Attributes:
        accepted: By image hash; of several labels for one image the last counts.
        said: Image hash -> what its copies say about its split.
        said_in: Data-set root -> all words that occur in it.
        near: Pairs of image hashes, near-duplicates of one another, at least one of them uploaded.
        findings: Errors and warnings, in order of reading.
        rejected: What goes to quarantine, one entry an item.
        faults: How many of these are bad; the others only wait for a label.
        items: Images and lone labels looked at.
        formats: Names of the recognised formats.
        removals: What the notes ask to remove.
    """

    accepted: dict[str, Accepted] = dataclasses.field(default_factory=dict)
    said: dict[str, set[Said]] = dataclasses.field(default_factory=dict)
    said_in: dict[str, set[Split]] = dataclasses.field(default_factory=dict)
    near: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    rejected: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    faults: int = 0
    items: int = 0
    formats: tuple[str, ...] = ()
    removals: tuple[Request, ...] = ()

    def reject(self, found: Sequence[Finding], files: tuple[str, ...], is_fault: bool = True) -> None:
        """Count one item out."""
        self.items += 1
        self.faults += is_fault
        self.findings.extend(found)
        self.rejected.append(files)

    def accept(self, said: Said, item: Accepted, same: bool, is_weak: bool = False) -> None:
        """Count one item in; the same image again replaces its label, with a warning.

        Args:
            said: What this copy says about the split.
            item: The image.
            same: Its label says the same as the one that was accepted before.
            is_weak: It does not replace a label that was accepted before.
        """
        self.items += 1
        self.said.setdefault(item.image_sha256, set()).add(said)
        before = self.accepted.get(item.image_sha256)
        if before:
            words = "with another label: this one, the last, is used; delete the wrong one"
            if same:
                words = "with the same label: merged"
            elif is_weak:
                words = "which has a label of its own: that one is used"
            message = f"is the same image as {before.path}, {words}"
            self.findings.append(findings.warning(item.path, "image", "duplicate-image", message))
            if same:  # which copy gives the name must not depend on the order
                item = min(before, item, key=lambda copy: (copy.file_name, copy.label_sha256))
            elif is_weak:
                item = before
        self.accepted[item.image_sha256] = item


def read_uploads(
    tree: UploadTree,
    known_classes: Collection[str],
    scratch: Scratch,
    importers: Sequence[Importer] = IMPORTERS,
    last_resort: Sequence[Importer] = LAST_RESORT,
) -> Intake:
    """Check every upload; images are decoded one at a time.

    Args:
        tree: The uploads, without archives.
        known_classes: The accepted class names; empty accepts any.
        scratch: Where canonical images and labels are kept.
        importers: The formats to look for.
        last_resort: The formats to look for among the photographs that then are left.
    """
    intake = Intake()
    uploads = tree
    tree, rejected = with_notes(uploads)
    intake.removals = tuple(requests(uploads, tree))
    claimed = {file for item in rejected for file in item.files}
    recognised, not_found = recognise(tree, importers, last_resort)
    for item in (*rejected, *not_found):
        intake.reject((item.finding,), item.files)
    claimed |= _read_all(tree, recognised, known_classes, scratch, intake)
    late, _ = recognise(dataclasses.replace(tree.without(claimed), notes={}), last_resort)
    claimed |= _read_all(tree, late, known_classes, scratch, intake)
    lost, unused = leftovers(tree, claimed)
    for item in lost:
        intake.reject((item.finding,), item.files)
    intake.findings.extend(unused)
    intake.formats = tuple(sorted({found.importer.name for found in (*recognised, *late)}))
    return intake


def _read_all(
    tree: UploadTree,
    recognised: Sequence[Recognised],
    known_classes: Collection[str],
    scratch: Scratch,
    intake: Intake,
) -> set[str]:
    """Take in data sets, the oldest upload first; returns the files they are made of."""
    claimed = set(claimed_by(tree, (found.data_set for found in recognised)))
    _say(recognised)
    for found in sorted(recognised, key=lambda found: _age(tree, found.data_set)):
        claimed |= _read_data_set(tree, found.importer, found.data_set, known_classes, scratch, intake)
    return claimed


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


def _read_data_set(
    tree: UploadTree,
    importer: Importer,
    data_set: DataSet,
    known_classes: Collection[str],
    scratch: Scratch,
    intake: Intake,
) -> set[str]:
    """Take in one data set; returns the files it is made of."""
    claimed: set[str] = set()
    said_in = intake.said_in.setdefault(data_set.root, set())
    for item in importer.read(tree, data_set):
        if isinstance(item, Rejected):
            claimed.update(item.files)
            intake.reject((item.finding,), item.files, item.is_fault)
            continue
        claimed.update((item.image, item.annotation))
        if finding := unreviewed(item):
            intake.reject((finding,), (item.image, item.annotation), is_fault=False)
            continue
        if item.split:
            said_in.add(item.split)
        checked = check(item, tree.read(item.image), known_classes, importer.name)
        _sort(item, data_set, checked, scratch, intake)
    return claimed


def _sort(sample: Sample, data_set: DataSet, checked: Checked, scratch: Scratch, intake: Intake) -> None:
    if checked.image is None or checked.record is None:
        intake.reject((*sample.findings, *checked.findings), (sample.image, sample.annotation))
        return
    intake.findings.extend((*sample.findings, *checked.findings))
    before = intake.accepted.get(checked.image.sha256)
    same = before is not None and same_label(scratch.read_label(before.label_sha256), checked.record)
    scratch.keep_image(checked.image)
    item = _accepted(sample, checked.record, scratch.keep_label(checked.record), checked.image)
    intake.accept(Said(sample.image, data_set.root, sample.split), item, same, sample.is_weak)


def _accepted(sample: Sample, record: LabelRecord, label_sha256: str, image: CanonicalImage) -> Accepted:
    return Accepted(
        sample.image,
        record.image_sha256,
        record.image_extension,
        label_sha256,
        record.file_name,
        record.width,
        record.height,
        tuple(i.class_name for i in record.instances),
        len(image.body),
        image.fingerprint,
    )
