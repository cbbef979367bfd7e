"""prepare, step by step: read, judge, merge, publish, report."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import SPLITS, Finding, Member, PrepareResult, VersionManifest
from app.contracts.members import version_id
from app.contracts.settings import DataSettings
from maskrcnn.data import archives, copies, findings, publish, quarantine, removal
from maskrcnn.data.history import Past, former_members
from maskrcnn.data.importers import IMPORTERS
from maskrcnn.data.intake import Intake, read_uploads
from maskrcnn.data.library import Library
from maskrcnn.data.members import read_former, read_members, write_diff, write_former
from maskrcnn.data.merge import Merged, merge
from maskrcnn.data.samples import Rejected
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree, upload_of
from maskrcnn.data.versions import class_map
from maskrcnn.program import JobError
from maskrcnn.storage import Store

log = logging.getLogger("castline")
MIN_IMAGES = 3  # one each to train, validate and test
_REASONS_LOGGED = 10


@dataclasses.dataclass(frozen=True)
class Order:
    """What to prepare."""

    run_id: str
    parent_version: str | None
    settings: DataSettings


def prepare(
    order: Order, tree: UploadTree, store: Store, work: Path, output: Path, rejected: Sequence[Rejected] = ()
) -> PrepareResult:
    """Turn uploads into a data-set version.

    Args:
        order: What to prepare.
        tree: The uploads on the local disk.
        store: The bucket.
        work: A folder for intermediate files.
        output: Gets result.json, findings.json and statistics.json.
        rejected: Uploads that were turned down before they reached the disk.

    Raises:
        JobError: too many uploads are bad, or too few images are usable; the quarantine report is written.
    """
    began = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    scratch = Scratch(work / "scratch")
    library = Library(store, scratch)
    parent = _parent(store, order.parent_version)
    _log_uploads(tree, parent)
    tree, refused = archives.unpack(tree, work / "unpacked")
    intake = read_uploads(tree, _known_classes(order.settings, parent), scratch)
    for item in (*rejected, *refused):
        intake.reject((item.finding,), item.files)
    former = former_members(store, parent.version) if parent else {}
    copies.compare(intake, itertools.chain(_members(store, parent), former.values()), library.image)
    _judge(order, intake, tree, store, output)
    removals = removal.resolve(intake.removals, _members(store, parent), _uploaded_at(intake, tree))
    past = _past(store, parent, former, removals.images)
    merged = merge(past, intake, order.settings, library.label)
    _check_splits(merged)
    library.add(intake.accepted.values())
    manifest = _publish(order, store, library, scratch, parent, intake, merged)
    found = [*intake.findings, *removals.findings, *merged.findings]
    result = _result(order, intake, merged, manifest, found, time.monotonic() - began)
    _write(output, found, result, manifest)
    _log_result(result, manifest)
    return result


def _parent(store: Store, version: str | None) -> VersionManifest | None:
    return documents.from_json(VersionManifest, store.read(keys.version_manifest(version))) if version else None


def _members(store: Store, version: VersionManifest | None) -> Iterable[Member]:
    return read_members(store, version.version) if version else ()


def _past(
    store: Store, parent: VersionManifest | None, former: Mapping[str, Member], removed: frozenset[str]
) -> Past:
    if parent is None:
        return Past()
    return Past(read_members(store, parent.version), parent.statistics, former, removed)


def _uploaded_at(intake: Intake, tree: UploadTree) -> dict[str, str]:
    """Image hash -> when it was uploaded last."""
    return {sha: max(tree.modified.get(said.path, "") for said in copies) for sha, copies in intake.said.items()}


def _known_classes(settings: DataSettings, parent: VersionManifest | None) -> Collection[str]:
    """The setting, else the parent's classes, else any."""
    return settings.classes or (tuple(c.name for c in parent.classes) if parent else ())


def _judge(order: Order, intake: Intake, tree: UploadTree, store: Store, output: Path) -> None:
    """Report what is bad; stop when it is too much or too little is left."""
    bad, items = intake.faults, intake.items
    (output / "findings.json").write_text(quarantine.to_json(intake.findings))
    if intake.rejected:
        quarantine.write(store, order.run_id, tree, intake.findings, intake.rejected)
        errors = [f for f in intake.findings if f.severity == "error"]
        for finding in errors[:_REASONS_LOGGED]:
            log.warning("quarantined (%s) %s", finding.rule, finding.message)
        if len(errors) > _REASONS_LOGGED:
            log.warning(
                "... and %d more reasons in %s",
                len(errors) - _REASONS_LOGGED,
                keys.quarantine(order.run_id, "report.txt"),
            )
    limit = order.settings.max_bad_share
    if bad > limit * items:
        formats = ", ".join(intake.formats) or f"none of {', '.join(i.name for i in IMPORTERS)}"
        raise JobError(
            "DATA_TOO_MANY_BAD",
            f"{bad} of {items} uploaded items are bad ({bad / items:.1%}, allowed "
            f"{limit:.1%}); format: {formats}; {findings.top_reasons(intake.findings)}. All reasons: "
            f"{keys.quarantine(order.run_id, 'report.txt')}",
        )


def _check_splits(merged: Merged) -> None:
    counts: Counter[str] = Counter(member.split for member in merged.members)
    empty = [split for split in SPLITS if not counts[split]]
    if len(merged.members) < MIN_IMAGES:
        raise JobError(
            "DATA_TOO_FEW",
            f"{len(merged.members)} usable images: at least {MIN_IMAGES} are needed, one "
            "each to train, validate and test: upload more labelled images",
        )
    if not any(member.instances for member in merged.members):
        raise JobError(
            "DATA_TOO_FEW",
            f"none of {len(merged.members)} usable images has a labelled object: good castings alone teach nothing, "
            "upload images with drawn defects too",
        )
    if empty:
        raise JobError(
            "DATA_TOO_FEW",
            f"no image is left for {' and '.join(empty)} of {len(merged.members)} images "
            f"({_counts(counts)}): upload images of more parts, or call fewer of them test",
        )


def _publish(
    order: Order,
    store: Store,
    library: Library,
    scratch: Scratch,
    parent: VersionManifest | None,
    intake: Intake,
    merged: Merged,
) -> VersionManifest:
    seen = itertools.chain.from_iterable(item.class_names for item in intake.accepted.values())
    classes = class_map(parent.classes if parent else (), {*order.settings.classes, *seen}, order.settings.part_classes)
    if parent and version_id(merged.members, classes, read_former(store, parent.version)) == parent.version:
        return parent  # rollbacks to it are remembered where they are recorded
    version = version_id(merged.members, classes, merged.former)
    if existing := publish.find(store, version):
        log.info("version %s exists already: its shards are used as they are", version)
        return existing
    shards, kept, members = publish.place(lambda: merged.members, parent, classes)
    counts = (merged.count("added"), merged.count("relabelled"), merged.count("removed"), len(merged.former))
    publication = publish.Publication(version, order.parent_version, order.run_id, classes, *counts, shards, kept)
    publish.write_share(publication, members, store, library, scratch.folder / "shards", 0, 1)
    write_diff(store, version, merged.changes)
    if merged.former:
        write_former(store, version, merged.former)
    return publish.finish(publication, members, store)


def _result(
    order: Order,
    intake: Intake,
    merged: Merged,
    manifest: VersionManifest,
    found: Sequence[Finding],
    seconds: float,
) -> PrepareResult:
    return PrepareResult(
        version=manifest.version,
        parent=order.parent_version,
        changed=manifest.version != order.parent_version,
        images=manifest.images,
        instances={s.name: sum(s.instances.values()) for s in manifest.statistics},
        accepted=len(intake.accepted),
        quarantined=len(intake.rejected),
        warnings=sum(f.severity == "warning" for f in found),
        classes=manifest.classes,
        formats=intake.formats,
        seconds=round(seconds, 3),
        added=merged.count("added"),
        relabelled=merged.count("relabelled"),
        removed=merged.count("removed"),
    )


def _write(output: Path, found: Sequence[Finding], result: PrepareResult, manifest: VersionManifest) -> None:
    (output / "findings.json").write_text(quarantine.to_json(found))
    statistics = [dataclasses.asdict(entry) for entry in manifest.statistics]
    (output / "statistics.json").write_text(documents.to_json(statistics, indent=2))
    (output / "result.json").write_text(documents.to_json(result, indent=2))


def _log_uploads(tree: UploadTree, parent: VersionManifest | None) -> None:
    uploads = sorted({upload_of(path) or "(inbox)" for path in tree.paths})
    log.info("%d files in %d uploads: %s", len(tree.paths), len(uploads), ", ".join(uploads[:10]) or "none")
    log.info("parent version: %s", f"{parent.version}, {sum(parent.images.values())} images" if parent else "none")


def _log_result(result: PrepareResult, manifest: VersionManifest) -> None:
    log.info(
        "formats: %s; accepted %d images, quarantined %d, warnings %d",
        ", ".join(result.formats) or "none",
        result.accepted,
        result.quarantined,
        result.warnings,
    )
    log.info(
        "version %s: %d added, %d relabelled, %d removed; %s",
        result.version,
        result.added,
        result.relabelled,
        result.removed,
        _counts(result.images),
    )
    for entry in manifest.statistics:
        log.info(
            "class %s: instances %s, median area %.0f px, median longer side %.0f px",
            entry.name,
            _counts(entry.instances) or "none",
            entry.median_area_px,
            entry.median_longer_side_px,
        )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {counts[split]}" for split in SPLITS if split in counts)
