"""What came of the uploads: what is used, with which label, and what is not, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from app.contracts.dataset import Finding, Split
from maskrcnn.data import findings
from maskrcnn.data.ledger import Ledger, Table
from maskrcnn.data.outlines import Outline
from maskrcnn.data.removal import Request

_OUTLINED = 500


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
    meaning: str
    """Hash of what its label says about it, whatever file said so."""
    fingerprint: str = ""
    areas_px: tuple[int, ...] = ()
    """One an instance."""
    boxes: tuple[int, ...] = ()
    """Numbers, from 1, of the instances that have no mask."""
    has_verdict: bool = False
    """A tag says that the casting is good, or bad."""


@dataclasses.dataclass(frozen=True)
class Said:
    """What one copy of an image says about its split."""

    path: str
    root: str
    """Of its data set."""
    split: Split | None


@dataclasses.dataclass(frozen=True)
class Taken:
    """What came of one item: an image that is used, one that is not, or a mere remark.

    Hosts that share the work write these down, and the one that merges reads them in the order of numbers.
    """

    number: int
    """Its place in the order in which a single host would read."""
    findings: tuple[Finding, ...] = ()
    item: Accepted | None = None
    said: Said | None = None
    is_weak: bool = False
    """Only the name of a folder speaks for it."""
    files: tuple[str, ...] | None = None
    """What goes to quarantine; None: nothing does."""
    is_fault: bool = True
    outlines: tuple[Outline, ...] = ()
    """Of objects that make it unusable."""


@dataclasses.dataclass
class Intake:
    """What came of the uploads.

    Args:
        ledger: Where what grows with the images is kept.

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
        outlines: Image that is not used -> the objects that are why, of the first few hundred.
    """

    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    accepted: Table[Accepted] = dataclasses.field(init=False)
    said: Table[frozenset[Said]] = dataclasses.field(init=False)
    said_in: dict[str, set[Split]] = dataclasses.field(default_factory=dict)
    near: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    rejected: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    faults: int = 0
    items: int = 0
    formats: tuple[str, ...] = ()
    removals: tuple[Request, ...] = ()
    outlines: dict[str, tuple[Outline, ...]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accepted, self.said = self.ledger.table(), self.ledger.table()

    def reject(self, found: Sequence[Finding], files: tuple[str, ...], is_fault: bool = True) -> None:
        """Count one item out."""
        self.items += 1
        self.faults += is_fault
        self.findings.extend(found)
        self.rejected.append(files)

    def add(self, taken: Taken) -> None:
        """Count in what came of one item; items come in the order of their numbers."""
        if taken.said:
            words = self.said_in.setdefault(taken.said.root, set())
            words.update({taken.said.split} if taken.said.split else ())
        if taken.item and taken.said:
            self.findings.extend(taken.findings)
            self._accept(taken.said, taken.item, taken.is_weak)
        elif taken.files is not None:
            self.reject(taken.findings, taken.files, taken.is_fault)
            if taken.outlines and len(self.outlines) < _OUTLINED:
                self.outlines[taken.files[0]] = taken.outlines
        else:
            self.findings.extend(taken.findings)

    def _accept(self, said: Said, item: Accepted, is_weak: bool) -> None:
        """The same image again replaces its label, with a warning; a weak label replaces none."""
        self.items += 1
        self.said[item.image_sha256] = self.said.get(item.image_sha256, frozenset()) | {said}
        before = self.accepted.get(item.image_sha256)
        if before:
            same = before.meaning == item.meaning
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
