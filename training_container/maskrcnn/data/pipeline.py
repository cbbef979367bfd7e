"""prepare, step by step: read, judge, merge, publish, report; by one host or by several.

Every host reads its share of the uploads. Host 0 puts together what came of them, decides, and plans. Every host
stores what it has read and writes its share of the new shards. Host 0 publishes the version. Between these steps the
hosts hand files to one another (crew.Crew); one host alone does the same with itself.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import logging
import operator
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import ClassDefinition, Finding, Member, PrepareResult, VersionManifest
from app.contracts.members import version_id
from app.contracts.members import write as write_packed
from app.contracts.settings import DataSettings
from maskrcnn.data import archives, balance, judgement, publish, removal, reporting, sheet
from maskrcnn.data.crew import Alone, Crew
from maskrcnn.data.examination import examine
from maskrcnn.data.history import Everyone, Past, former_members
from maskrcnn.data.images import canonical
from maskrcnn.data.intake import Accepted, Intake, Taken
from maskrcnn.data.ledger import Table
from maskrcnn.data.library import Library
from maskrcnn.data.lines import read_lines, write_lines
from maskrcnn.data.members import PackedMembers, download_members, read_former, write_diff, write_former
from maskrcnn.data.merge import Merged, merge
from maskrcnn.data.publish import Publication
from maskrcnn.data.reading import Reading
from maskrcnn.data.samples import Rejected
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree
from maskrcnn.data.versions import class_map
from maskrcnn.program import JobError
from maskrcnn.storage import ObjectNotFoundError, Store

log = logging.getLogger("castline")


@dataclasses.dataclass(frozen=True)
class Order:
    """What to prepare."""

    run_id: str
    parent_version: str | None
    settings: DataSettings


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What host 0 has decided.

    Attributes:
        publication: What is to be published; None when the version exists already.
    """

    publication: Publication | None


@dataclasses.dataclass(frozen=True)
class _Merging:
    """What host 0 knows and the others need not."""

    intake: Intake
    merged: Merged
    found: Sequence[Finding]
    plan: _Plan
    existing: VersionManifest | None


def prepare(
    order: Order,
    tree: UploadTree,
    store: Store,
    work: Path,
    output: Path,
    rejected: Sequence[Rejected] = (),
    crew: Crew | None = None,
) -> PrepareResult | None:
    """Turn uploads into a data-set version.

    Args:
        order: What to prepare.
        tree: The uploads on the local disk.
        store: The bucket.
        work: A folder for intermediate files.
        output: Of host 0: gets result.json, findings.json and statistics.json.
        rejected: Uploads that were turned down before they reached the disk.
        crew: The hosts that share the work; this one alone unless given.

    Returns:
        What came of it; None on all hosts but host 0.

    Raises:
        JobError: too many uploads are bad, or too few images are usable (the quarantine report is written); or another
            host has failed.
    """
    crew = crew or Alone()
    try:
        return _Preparation(order, store, work, output, crew).run(tree, rejected)
    except JobError as problem:
        crew.fail(problem)
        raise
    except Exception as problem:
        crew.fail(JobError("INTERNAL", f"host {crew.share.rank + 1}: {type(problem).__name__}: {problem}"))
        raise


class _Preparation:
    """One host's part of the work."""

    def __init__(self, order: Order, store: Store, work: Path, output: Path, crew: Crew) -> None:
        self._order, self._store, self._work, self._output, self._crew = order, store, work, output, crew
        self._share = crew.share
        self._scratch = Scratch(work / "scratch")
        self._library = Library(store, self._scratch)
        self._parent = _manifest(store, order.parent_version)
        self._began = time.monotonic()

    def run(self, tree: UploadTree, rejected: Sequence[Rejected]) -> PrepareResult | None:
        self._output.mkdir(parents=True, exist_ok=True)
        reporting.log_uploads(tree, self._parent)
        settings = self._order.settings
        tree = dataclasses.replace(tree, aliases=settings.aliases)
        tree, refused = archives.unpack(tree, self._work / "unpacked")
        known = _known_classes(settings, self._parent)
        reading = Reading(tree, known, self._scratch, self._share, part_classes=settings.part_classes)
        self._crew.give("taken", write_lines(self._work / "taken", reading))
        merging = self._merge(tree, reading, (*rejected, *refused)) if self._share.rank == 0 else None
        plan = merging.plan if merging else documents.from_json(_Plan, self._crew.take("plan", 0).read_bytes())
        self._library.add(read_lines(Accepted, self._crew.take("accepted", 0)))
        self._wait_for_all("stored")
        if plan.publication:
            folder = self._scratch.folder / "shards"
            publish.write_share(plan.publication, self._members, self._store, self._library, folder, self._share)
        self._wait_for_all("written")
        return self._finish(merging) if merging else None

    def _wait_for_all(self, step: str) -> None:
        done = self._work / step
        done.write_bytes(b"")
        self._crew.give(step, done)
        for rank in range(self._share.hosts):
            self._crew.take(step, rank)

    def _merge(self, tree: UploadTree, reading: Reading, refused: Iterable[Rejected]) -> _Merging:
        """Put together what all hosts have read, and decide."""
        intake = self._intake(reading, refused)
        before, former = PackedMembers(None), {}
        if self._parent:
            before = download_members(self._store, self._parent.version, self._work / "before")
            former = former_members(self._store, self._parent.version)
        known = Everyone(before, former)
        parts = self._order.settings.part_classes
        examine(intake, parts, lambda sha, extension: self._image(sha, extension, tree, intake), known)
        page = sheet.render(self._order.run_id, intake.findings, tree, intake, self._scratch.find_label)
        (self._output / "findings.html").write_text(page)
        judgement.judge(self._order.run_id, self._order.settings, intake, tree, self._store, self._output)
        removals = removal.resolve(intake.removals, before, _uploaded_at(intake, tree) if intake.removals else {})
        past = Past(before, self._parent.statistics if self._parent else (), former, removals.images)
        merged = merge(past, intake, self._order.settings, self._library.label)
        judgement.check_splits(merged.members)
        plan, existing = self._plan(intake, merged)
        self._crew.give("accepted", write_lines(self._work / "accepted", intake.accepted.values()))
        (self._work / "plan").write_text(documents.to_json(plan))
        self._crew.give("plan", self._work / "plan")
        found = [*intake.findings, *removals.findings, *merged.findings]
        return _Merging(intake, merged, found, plan, existing)

    def _intake(self, reading: Reading, refused: Iterable[Rejected]) -> Intake:
        intake = Intake(self._scratch.ledger, removals=reading.removals, formats=reading.formats)
        files = [self._crew.take("taken", rank) for rank in range(self._share.hosts)]
        for taken in heapq.merge(*(read_lines(Taken, file) for file in files), key=operator.attrgetter("number")):
            intake.add(taken)
        for item in refused:
            intake.reject((item.finding,), item.files)
        return intake

    def _image(self, sha256: str, extension: str, tree: UploadTree, intake: Intake) -> bytes:
        """An image of either side; one that another host has read is made again from its upload."""
        try:
            return self._library.image(sha256, extension)
        except ObjectNotFoundError:
            item = intake.accepted[sha256]
            return canonical(tree.read(item.path), (item.width, item.height)).body

    def _plan(self, intake: Intake, merged: Merged) -> tuple[_Plan, VersionManifest | None]:
        """What is to be written; or the version that exists."""
        parent, settings = self._parent, self._order.settings
        seen = itertools.chain.from_iterable(item.class_names for item in intake.accepted.values())
        classes = class_map(parent.classes if parent else (), {*settings.classes, *seen}, settings.part_classes)
        version = version_id(merged.members, classes, merged.former)
        if parent and parent.version in (version, self._without_rollbacks(parent, merged, classes)):
            return _Plan(None), parent
        if existing := publish.find(self._store, version):
            log.info("version %s exists already: its shards are used as they are", version)
            return _Plan(None), existing
        shards, kept, members = publish.place(lambda: merged.members, parent, classes)
        with (self._work / "members").open("wb") as packed:
            write_packed(members(), packed)
        self._crew.give("members", self._work / "members")
        counts = (merged.count("added"), merged.count("relabelled"), merged.count("removed"), len(merged.former))
        order = self._order
        return _Plan(Publication(version, order.parent_version, order.run_id, classes, *counts, shards, kept)), None

    def _without_rollbacks(
        self, parent: VersionManifest, merged: Merged, classes: Sequence[ClassDefinition]
    ) -> str | None:
        """The name of the version if it remembered what the parent does: rollbacks are remembered by their records."""
        former = list(read_former(self._store, parent.version))
        return version_id(merged.members, classes, former) if former or merged.former else None

    def _members(self) -> Iterable[Member]:
        """The members of the new version with their shards."""
        return PackedMembers(self._crew.take("members", 0))

    def _finish(self, merging: _Merging) -> PrepareResult:
        """Publish and report."""
        manifest, merged = merging.existing, merging.merged
        if publication := merging.plan.publication:
            write_diff(self._store, publication.version, merged.changes)
            if merged.former:
                write_former(self._store, publication.version, merged.former)
            manifest = publish.finish(publication, self._crew.take("members", 0), self._store)
        assert manifest  # noqa: S101 - there is one or the other, for the type checker
        merging = dataclasses.replace(merging, found=[*merging.found, *balance.left_out(manifest.statistics)])
        result = _result(self._order, merging, manifest, time.monotonic() - self._began)
        reporting.write(self._output, merging.found, result, manifest)
        reporting.log_result(result, manifest)
        return result


def _manifest(store: Store, version: str | None) -> VersionManifest | None:
    return documents.from_json(VersionManifest, store.read(keys.version_manifest(version))) if version else None


def _uploaded_at(intake: Intake, tree: UploadTree) -> Table[str]:
    """Image hash -> when it was uploaded last."""
    table: Table[str] = intake.ledger.table()
    table.update((sha, max(tree.modified.get(said.path, "") for said in copies)) for sha, copies in intake.said.items())
    return table


def _known_classes(settings: DataSettings, parent: VersionManifest | None) -> Collection[str]:
    """The setting, else the parent's classes, else any."""
    return settings.classes or (tuple(c.name for c in parent.classes) if parent else ())


def _result(order: Order, merging: _Merging, manifest: VersionManifest, seconds: float) -> PrepareResult:
    intake, merged = merging.intake, merging.merged
    return PrepareResult(
        version=manifest.version,
        parent=order.parent_version,
        changed=manifest.version != order.parent_version,
        images=manifest.images,
        instances={s.name: sum(s.instances.values()) for s in manifest.statistics},
        accepted=len(intake.accepted),
        quarantined=len(intake.rejected),
        warnings=sum(f.severity == "warning" for f in merging.found),
        classes=manifest.classes,
        formats=intake.formats,
        seconds=round(seconds, 3),
        added=merged.count("added"),
        relabelled=merged.count("relabelled"),
        removed=merged.count("removed"),
    )
