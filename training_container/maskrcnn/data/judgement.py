"""Whether the uploads are good enough to go on, and enough."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from app.contracts import keys
from app.contracts.dataset import SPLITS, Member
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, quarantine
from maskrcnn.data.importers import IMPORTERS
from maskrcnn.data.intake import Intake
from maskrcnn.data.reporting import counted, write_findings
from maskrcnn.data.tree import UploadTree
from maskrcnn.program import JobError
from maskrcnn.storage import Store

log = logging.getLogger("castline")
MIN_IMAGES = 3  # one each to train, validate and test
_REASONS_LOGGED = 10


def judge(
    run_id: str, settings: DataSettings, intake: Intake, tree: UploadTree, store: Store, output: Path
) -> None:
    """Report what is bad, and stop when it is too much.

    Raises:
        JobError: DATA_TOO_MANY_BAD.
    """
    bad, items = intake.faults, intake.items
    write_findings(output, intake.findings)
    if intake.rejected:
        quarantine.write(store, run_id, tree, intake.findings, intake.rejected)
        errors = [f for f in intake.findings if f.severity == "error"]
        for finding in errors[:_REASONS_LOGGED]:
            log.warning("quarantined (%s) %s", finding.rule, finding.message)
        if len(errors) > _REASONS_LOGGED:
            log.warning(
                "... and %d more reasons in %s",
                len(errors) - _REASONS_LOGGED,
                keys.quarantine(run_id, "report.txt"),
            )
    limit = settings.max_bad_share
    if bad > limit * items:
        formats = ", ".join(intake.formats) or f"none of {', '.join(i.name for i in IMPORTERS)}"
        raise JobError(
            "DATA_TOO_MANY_BAD",
            f"{bad} of {items} uploaded items are bad ({bad / items:.1%}, allowed "
            f"{limit:.1%}); format: {formats}; {findings.top_reasons(intake.findings)}. All reasons: "
            f"{keys.quarantine(run_id, 'report.txt')}",
        )


def check_splits(members: Iterable[Member]) -> None:
    """Stop when there is nothing to train on, to validate or to test.

    Raises:
        JobError: DATA_TOO_FEW.
    """
    counts: Counter[str] = Counter()
    labelled = 0
    for member in members:
        counts[member.split] += 1
        labelled += member.instances > 0
    total = counts.total()
    empty = [split for split in SPLITS if not counts[split]]
    if total < MIN_IMAGES:
        raise JobError(
            "DATA_TOO_FEW",
            f"{total} usable images: at least {MIN_IMAGES} are needed, one "
            "each to train, validate and test: upload more labelled images",
        )
    if not labelled:
        raise JobError(
            "DATA_TOO_FEW",
            f"none of {total} usable images has a labelled object: good castings alone teach nothing, "
            "upload images with drawn defects too",
        )
    if empty:
        raise JobError(
            "DATA_TOO_FEW",
            f"no image is left for {' and '.join(empty)} of {total} images "
            f"({counted(counts)}): upload images of more parts, or call fewer of them test",
        )
