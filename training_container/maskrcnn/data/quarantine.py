"""Where bad items go: the files as uploaded, and why, for machines, spreadsheets and people."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from app.contracts import keys
from app.contracts.dataset import Finding
from maskrcnn.data import findings
from maskrcnn.data.tree import UploadTree
from maskrcnn.storage import DOWNLOAD_THREADS, Store


def to_json(found: Sequence[Finding]) -> str:
    """The list of findings as JSON text."""
    return json.dumps([dataclasses.asdict(finding) for finding in found], indent=2, sort_keys=True)


def write(
    store: Store, run_id: str, tree: UploadTree, found: Sequence[Finding], rejected: Sequence[tuple[str, ...]]
) -> None:
    """Copy the files of all rejected items, then write report.json, report.csv and report.txt.

    Args:
        store: Where to.
        run_id: The run.
        tree: The uploads.
        found: All findings; the reports list the errors.
        rejected: The files of each item; a file that several items share is copied once.
    """
    files = sorted({path for item in rejected for path in item if path in tree})
    with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
        list(pool.map(lambda path: store.upload(keys.quarantine(run_id, path), tree.local(path)), files))
    errors = [finding for finding in found if finding.severity == "error"]
    for name, text, content_type in (
        ("report.json", to_json(errors), "application/json"),
        ("report.csv", findings.to_csv(errors), "text/csv; charset=utf-8"),
        ("report.txt", findings.to_text(errors), "text/plain; charset=utf-8"),
    ):
        store.write(keys.quarantine(run_id, name), text.encode(), content_type)
