"""Read all uploads: recognise the data sets, check every image, keep what is good, explain what is not."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from app.contracts.dataset import Finding, LabelRecord, Split
from maskrcnn.data import findings
from maskrcnn.data.checks import Checked, check
from maskrcnn.data.importers import IMPORTERS
from maskrcnn.data.samples import DataSet, Importer, Rejected, Sample
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree, is_image_name, parent, upload_of
from maskrcnn.data.versions import same_label

log = logging.getLogger("castline")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


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
        findings: Errors and warnings, in order of reading.
        rejected: What goes to quarantine, one entry an item.
        items: Images and lone labels looked at.
        formats: Names of the recognised formats.
    """

    accepted: dict[str, Accepted] = dataclasses.field(default_factory=dict)
    said: dict[str, set[Said]] = dataclasses.field(default_factory=dict)
    said_in: dict[str, set[Split]] = dataclasses.field(default_factory=dict)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    rejected: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    items: int = 0
    formats: tuple[str, ...] = ()

    def reject(self, found: Sequence[Finding], files: tuple[str, ...]) -> None:
        """Count one item out."""
        self.items += 1
        self.findings.extend(found)
        self.rejected.append(files)

    def accept(self, said: Said, item: Accepted, same: bool) -> None:
        """Count one item in; the same image again replaces its label, with a warning.

        Args:
            said: What this copy says about the split.
            item: The image.
            same: Its label says the same as the one that was accepted before.
        """
        self.items += 1
        self.said.setdefault(item.image_sha256, set()).add(said)
        before = self.accepted.get(item.image_sha256)
        if before:
            words = (
                "with the same label: merged"
                if same
                else "with another label: this one, the last, is used; delete the wrong one"
            )
            message = f"is the same image as {before.path}, {words}"
            self.findings.append(findings.warning(item.path, "image", "duplicate-image", message))
            if same:  # which copy gives the name must not depend on the order
                item = min(before, item, key=lambda copy: (copy.file_name, copy.label_sha256))
        self.accepted[item.image_sha256] = item


def read_uploads(
    tree: UploadTree,
    known_classes: Collection[str],
    scratch: Scratch,
    importers: Sequence[Importer] = IMPORTERS,
) -> Intake:
    """Check every upload; images are decoded one at a time.

    Args:
        tree: The uploads.
        known_classes: The accepted class names; empty accepts any.
        scratch: Where canonical images and labels are kept.
        importers: The formats to look for.
    """
    intake = Intake()
    claimed: set[str] = set()
    data_sets = [(importer, data_set) for importer in importers for data_set in importer.find(tree)]
    data_sets.sort(key=lambda pair: (tree.age_of(upload_of(pair[1].files[0])), pair[1].root, pair[1].files))
    for importer, data_set in data_sets:
        log.info("recognised %s: %s", importer.name, _said_of(data_set))
        claimed.update(data_set.files)
        claimed.update(p for folder in data_set.pictures_to_ignore for p in tree.folders.get(folder, ()))
        claimed.update(_read_data_set(tree, importer, data_set, known_classes, scratch, intake))
    for rejected in _leftovers(tree, claimed, intake):
        intake.reject((rejected.finding,), rejected.files)
    intake.formats = tuple(sorted({importer.name for importer, _ in data_sets}))
    return intake


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
            intake.reject((item.finding,), item.files)
            continue
        claimed.update((item.image, item.annotation))
        if item.split:
            said_in.add(item.split)
        checked = check(item, tree.read(item.image), known_classes, importer.name)
        _sort(item, data_set, checked, scratch, intake)
    return claimed


def _sort(sample: Sample, data_set: DataSet, checked: Checked, scratch: Scratch, intake: Intake) -> None:
    if checked.image is None or checked.record is None:
        intake.reject(checked.findings, (sample.image, sample.annotation))
        return
    intake.findings.extend(checked.findings)
    before = intake.accepted.get(checked.image.sha256)
    same = before is not None and same_label(scratch.read_label(before.label_sha256), checked.record)
    scratch.keep_image(checked.image)
    item = _accepted(sample, checked.record, scratch.keep_label(checked.record))
    intake.accept(Said(sample.image, data_set.root, sample.split), item, same)


def _accepted(sample: Sample, record: LabelRecord, label_sha256: str) -> Accepted:
    return Accepted(
        sample.image,
        record.image_sha256,
        record.image_extension,
        label_sha256,
        record.file_name,
        record.width,
        record.height,
        tuple(i.class_name for i in record.instances),
    )


def _leftovers(tree: UploadTree, claimed: set[str], intake: Intake) -> Iterator[Rejected]:
    """What no data set claims: photographs and broken JSON are errors, archives warnings."""
    for path in tree.paths:
        if path in claimed:
            continue
        if is_image_name(path):
            yield Rejected(
                findings.error(
                    path,
                    "image",
                    "image-without-label",
                    "belongs to no labelled data set: label it, or add it to the "
                    "annotations without objects if it is background",
                ),
                (path,),
            )
        elif path.endswith(".json") and not _is_json(tree.local(path)):
            yield Rejected(
                findings.error(path, "annotation", "annotation-unreadable", "is no valid JSON: export it again"),
                (path,),
            )
        elif path.lower().endswith(_ARCHIVES):
            intake.findings.append(
                findings.warning(path, "file", "archive-ignored", "is not unpacked: upload the folder instead")
            )


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
