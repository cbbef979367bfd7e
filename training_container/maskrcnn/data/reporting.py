"""What prepare says at its end: result.json, statistics.json, findings.json, and its log."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.contracts import documents
from app.contracts.dataset import SPLITS, Finding, PrepareResult, VersionManifest
from maskrcnn.data import findings, quarantine
from maskrcnn.data.tree import UploadTree, upload_of

log = logging.getLogger("castline")


def write(output: Path, found: Sequence[Finding], result: PrepareResult, manifest: VersionManifest) -> None:
    """Write the documents of a run."""
    write_findings(output, found)
    statistics = [dataclasses.asdict(entry) for entry in manifest.statistics]
    (output / "statistics.json").write_text(documents.to_json(statistics, indent=2))
    (output / "result.json").write_text(documents.to_json(result, indent=2))


def write_findings(output: Path, found: Sequence[Finding]) -> None:
    """Write them for programs and for spreadsheets."""
    (output / "findings.json").write_text(quarantine.to_json(found))
    (output / "findings.csv").write_text(findings.to_csv(found))


def log_uploads(tree: UploadTree, parent: VersionManifest | None) -> None:
    """Say what there is to do."""
    uploads = sorted({upload_of(path) or "(inbox)" for path in tree.paths})
    log.info("%d files in %d uploads: %s", len(tree.paths), len(uploads), ", ".join(uploads[:10]) or "none")
    log.info("parent version: %s", f"{parent.version}, {sum(parent.images.values())} images" if parent else "none")


def log_result(result: PrepareResult, manifest: VersionManifest) -> None:
    """Say what came of it."""
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
        counted(result.images),
    )
    for entry in manifest.statistics:
        log.info(
            "class %s: instances %s, median area %.0f px, median longer side %.0f px",
            entry.name,
            counted(entry.instances) or "none",
            entry.median_area_px,
            entry.median_longer_side_px,
        )


def counted(counts: Mapping[str, int]) -> str:
    """`train 159, val 18, test 18`."""
    return ", ".join(f"{split} {counts[split]}" for split in SPLITS if split in counts)
