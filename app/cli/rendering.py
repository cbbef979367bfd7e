"""How things look in a terminal; pure functions from documents to rich tables and text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.table import Table

from app.contracts.dataset import Finding
from app.contracts.prediction import Prediction
from app.contracts.runs import Champion, RunRecord

STATUS_COLORS = {"SUCCEEDED": "green", "FAILED": "red", "ABORTED": "red", "RUNNING": "cyan"}
OUTCOME_WORDS = {
    "PROMOTED": "promoted",
    "NOT_PROMOTED": "not promoted",
    "NOTHING_NEW": "nothing new",
    "REJECTED": "rejected",
    "": "",
}


def duration(seconds: float) -> str:
    """`8 s`, `3 min 05 s`, `2 h 07 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def share(value: float | None) -> str:
    """A share as percentage points; `-` where there is none."""
    return "-" if value is None or value < 0 else f"{100 * value:.1f}"


def runs_table(records: Iterable[RunRecord], champion: Champion | None) -> Table:
    """All runs, one a line; the champion's is marked."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, right in (("Run", False), ("Status", False), ("Outcome", False), ("Mask AP", True), ("Took", True),
                        ("Uploads", True), ("Quarantined", True)):
        table.add_column(name, justify="right" if right else "left", no_wrap=name == "Run")
    for record in records:
        serves = champion is not None and champion.run_id == record.run_id
        color = STATUS_COLORS.get(record.status, "white")
        table.add_row(
            f"{record.run_id}{' *' if serves else ''}",
            f"[{color}]{record.status.lower()}[/]",
            record.error or OUTCOME_WORDS[record.outcome],
            share(record.mask_ap),
            duration(_seconds(record.started_at, record.ended_at)) if record.ended_at else "-",
            str(record.uploads),
            str(record.quarantined),
        )
    return table


def _seconds(started: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def run_summary(record: RunRecord) -> Table:
    """Everything that a record says, as name and value."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(record):
        if value:
            table.add_row(name, value)
    return table


def _facts(record: RunRecord) -> Iterable[tuple[str, str]]:
    color = STATUS_COLORS.get(record.status, "white")
    yield "Run", record.run_id
    yield "Status", f"[{color}]{record.status.lower()}[/] {OUTCOME_WORDS[record.outcome]}"
    yield "Started because", record.reason
    yield "Uploads", f"{record.uploads} files: {record.accepted} images used, {record.quarantined} in quarantine"
    yield "Data set", record.version or ""
    if record.mask_ap is not None:
        champion = "" if record.champion_ap is None else f" (champion {share(record.champion_ap)})"
        yield "Mask AP", f"{share(record.mask_ap)}{champion}, box AP {share(record.box_ap)}"
        yield "Verdicts right", f"{share(record.verdict_accuracy)} %"
    for attempt in record.training:
        kind = "spot" if attempt.spot else "on-demand"
        cuts = f", interrupted {attempt.interruptions} times" if attempt.interruptions else ""
        yield "Training", (f"{attempt.instance_type} {kind}: {attempt.seconds} s, billed {attempt.billable_seconds} s"
                           f"{cuts} {attempt.error}")
    for reason in record.decision:
        yield "Decision", reason
    if record.error:
        yield "Failed in", record.failed_state
        yield "Error", f"{record.error}: {record.cause}"


def prediction_table(prediction: Prediction) -> Table:
    """The instances found in one photograph."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Class", "Score", "Area px", "x", "y", "Width", "Height"):
        table.add_column(name, justify="left" if name == "Class" else "right")
    for found in prediction.instances:
        x, y, width, height = (f"{value:.0f}" for value in found.bbox)
        name = found.class_name if found.role == "part" else f"[bold]{found.class_name}[/]"
        table.add_row(name, f"{found.score:.2f}", str(found.area_px), x, y, width, height)
    return table


def verdict_line(name: str, prediction: Prediction) -> str:
    """`casting_1.jpeg  NG  chipping 0.93, ...`."""
    color = "green" if prediction.verdict.label == "OK" else "red"
    reasons = "; ".join(prediction.verdict.reasons)
    return f"[bold]{name}[/]  [bold {color}]{prediction.verdict.label}[/]  {reasons}"


def findings_table(findings: Iterable[Finding]) -> Table:
    """What was wrong with uploads, one a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Severity", no_wrap=True)
    table.add_column("Rule", no_wrap=True)
    table.add_column("What and how to mend it", overflow="fold")
    for finding in findings:
        color = "red" if finding.severity == "error" else "yellow"
        table.add_row(f"[{color}]{finding.severity}[/]", finding.rule, finding.message)
    return table
