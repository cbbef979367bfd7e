"""How things look in a terminal; pure functions from documents to rich tables and text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich import box
from rich.markup import escape
from rich.table import Table

from app.client.approvals import Waiting
from app.contracts.dataset import Finding
from app.contracts.prediction import Prediction
from app.contracts.runs import Champion, JobSpend, RunRecord, TrainingAttempt

OUTCOMES = {
    "PROMOTED": "[green]promoted[/]",
    "NOT_PROMOTED": "[yellow]not promoted[/]",
    "NOTHING_NEW": "nothing new",
    "REJECTED": "[yellow]rejected[/]",
    "ROLLED_BACK": "[green]rolled back[/]",
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


def moment(iso: str) -> str:
    """`2026-11-21 07:05 UTC`, from ISO 8601."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def result(record: RunRecord) -> str:
    """How a run ended, in a word or two."""
    if record.status == "RUNNING":
        return "[cyan]running[/]"
    if record.status == "SUCCEEDED":
        return OUTCOMES.get(record.outcome, "succeeded")
    return f"[red]{record.status.lower()}[/]{f' {escape(record.error)}' if record.error else ''}"


def runs_table(records: Iterable[RunRecord], champion: Champion | None, now: datetime) -> Table:
    """All runs, one a line; marked are the champion's and the one that a rollback would go to."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Run", no_wrap=True)
    table.add_column("Result", min_width=len("not promoted"), overflow="fold")
    for name in ("AP", "Took", "Files", "Bad"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Model", no_wrap=True)
    for record in records:
        ended = datetime.fromisoformat(record.ended_at) if record.ended_at else now
        table.add_row(
            record.run_id,
            result(record),
            share(record.mask_ap),
            duration((ended - datetime.fromisoformat(record.started_at)).total_seconds()),
            str(record.uploads),
            str(record.quarantined),
            _place(record, champion),
        )
    return table


def _place(record: RunRecord, champion: Champion | None) -> str:
    """Which part the model of a run plays now."""
    if champion is None:
        return ""
    return {champion.run_id: "[bold green]serves[/]", champion.previous_run_id: "served before"}.get(record.run_id, "")


def facts_table(facts: Iterable[tuple[str, str]]) -> Table:
    """Names and values; an empty value is left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, value)
    return table


def run_summary(record: RunRecord) -> Table:
    """Everything that a record says, as name and value."""
    return facts_table(_run_facts(record))


def _run_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    yield "Run", record.run_id
    yield "Result", result(record)
    yield "Started", f"{moment(record.started_at)}: {escape(record.reason)}"
    yield "Rollback", f"to the model of run {record.rollback_to}" if record.rollback_to else ""
    if record.uploads:
        yield "Uploads", f"{record.uploads} files: {record.accepted} images used, {record.quarantined} in quarantine"
    yield "Data set", f"version {record.version}" if record.version else ""
    if record.mask_ap is not None:
        champion = "" if record.champion_ap is None else f", the champion's {share(record.champion_ap)}"
        yield "Mask AP", f"{share(record.mask_ap)}{champion} (box AP {share(record.box_ap)})"
    if record.verdict_accuracy is not None:
        yield "Verdicts", f"{share(record.verdict_accuracy)} % of the test images judged right"
    for attempt in record.training:
        yield "Training", _attempt(attempt)
    if record.spend:
        yield "Cost", escape(record.spend.in_words)
        for job in record.spend.jobs:
            yield "", _job(job)
    for reason in record.decision:
        yield "Decision", escape(reason)
    if record.states:
        yield "States", ", ".join(f"{s.name} {duration(s.seconds)}" for s in record.states)
    if record.error:
        yield "Failed in", record.failed_state
        yield "Why", escape(f"{record.error}: {record.cause}")


def _job(job: JobSpend) -> str:
    """`0.12 USD  castline-dev-...-train-1: 2 x ml.g5.xlarge, billed 5 min 00 s`."""
    usd = "price unknown" if job.usd is None else f"{job.usd:.2f} USD"
    return (f"{usd}  {job.job_name}: {job.instance_count} x {job.instance_type}{' spot' if job.spot else ''}, "
            f"billed {duration(job.billable_seconds)}")


def _attempt(attempt: TrainingAttempt) -> str:
    kind = "spot" if attempt.spot else "on demand"
    times = "once" if attempt.interruptions == 1 else f"{attempt.interruptions} times"
    several = f"{attempt.instance_count} x " if attempt.instance_count > 1 else ""
    parts = (
        f"{several}{attempt.instance_type} {kind}, {duration(attempt.seconds)}, ",
        f"billed {duration(attempt.billable_seconds)}",
        f", interrupted {times}" if attempt.interruptions else "",
        f", 1/{2**attempt.batch_halvings} of the batch" if attempt.batch_halvings else "",
        f": {escape(attempt.error)}" if attempt.error else "",
    )
    return "".join(parts)


def question(asked: Waiting) -> Iterator[str]:
    """What a person decides on."""
    if asked.challenger_ap is not None:
        champion = "" if asked.champion_ap is None else f", the champion's {share(asked.champion_ap)}"
        yield f"mask AP {share(asked.challenger_ap)}{champion}"
    yield from map(escape, asked.reasons)
    yield f"report: {escape(asked.report)}: [bold]python -m app report {asked.run_id} --open[/]"


def prediction_table(prediction: Prediction) -> Table:
    """The instances found in one photograph."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Class", "Score", "Area px", "x", "y", "Width", "Height"):
        table.add_column(name, justify="left" if name == "Class" else "right")
    for found in prediction.instances:
        x, y, width, height = (f"{value:.0f}" for value in found.bbox)
        name = escape(found.class_name)
        table.add_row(name if found.role == "part" else f"[bold]{name}[/]",
                      f"{found.score:.2f}", str(found.area_px), x, y, width, height)
    return table


def verdict_line(name: str, prediction: Prediction) -> str:
    """`casting_1.jpeg  NG  chipping 0.93, ...`."""
    color = "green" if prediction.verdict.label == "OK" else "red"
    reasons = escape("; ".join(prediction.verdict.reasons))
    return f"[bold]{escape(name)}[/]  [bold {color}]{prediction.verdict.label}[/]  {reasons}".rstrip()


def findings_table(findings: Iterable[Finding]) -> Table:
    """What was wrong with uploads, one a line, the worst first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("Rule", no_wrap=True)
    table.add_column("What is wrong and how to mend it", overflow="fold")
    for finding in sorted(findings, key=lambda f: (f.severity != "error", f.file)):
        color = "red" if finding.severity == "error" else "yellow"
        table.add_row(f"[{color}]{finding.severity}[/]", escape(finding.rule), escape(finding.message))
    return table


def findings_line(findings: Iterable[Finding]) -> str:
    """`2 findings put items into quarantine, 5 are warnings`."""
    severities = [finding.severity for finding in findings]
    errors, warnings = severities.count("error"), severities.count("warning")
    return (f"{errors} {'finding' if errors == 1 else 'findings'} put items into quarantine, "
            f"{warnings} {'is a warning' if warnings == 1 else 'are warnings'} about items that are used.")
