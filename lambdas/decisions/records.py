"""The record of a run, put together from what the run left behind."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from app.contracts.dataset import PrepareResult, SnapshotSummary
from app.contracts.errors import RUN_IN_PROGRESS
from app.contracts.evaluation import Comparison, EvaluationResult
from app.contracts.jobs import JobResult
from app.contracts.runs import RunInput, RunOutcome, RunRecord, RunStatus, Spend, StateTiming, TrainingAttempt
from lambdas.events import Recalled

CLOSING_STATES = ("Finish", "FailRun", "Restore", "NextAttempt")
"""They run after something failed; the state that failed is the last one before them."""
STATUS_OF_EXECUTION: Mapping[str, RunStatus] = {"ABORTED": "ABORTED", "TIMED_OUT": "FAILED", "FAILED": "FAILED"}
HINTS = {
    "States.Timeout": "it took longer than its limit: look at its job or function, then force a run",
    "States.HeartbeatTimeout": "nobody reported on the job: look at the reconcile function's log",
    "States.ServiceRestart": "the embedded AWS was stopped while the run was active; the uploads are kept",
    RUN_IN_PROGRESS: "another run is active",
}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a run when it ends; whatever it did not reach is None."""

    run: RunInput
    started_at: str
    snapshot: SnapshotSummary | None = None
    prepared: PrepareResult | None = None
    evaluation: EvaluationResult | None = None
    comparison: Comparison | None = None
    attempts: tuple[TrainingAttempt, ...] = ()
    states: tuple[StateTiming, ...] = ()
    image_uri: str = ""
    spend: Spend | None = None
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)
    recalled: Recalled | None = None
    """The champion of before, in a rollback."""


def record(facts: Facts, *, status: RunStatus, outcome: RunOutcome, ended_at: str, endpoint: str = "") -> RunRecord:
    """Put the record of an ended run together."""
    snapshot, prepared, comparison = facts.snapshot, facts.prepared, facts.comparison
    scores = facts.evaluation.challenger if facts.evaluation else None
    return RunRecord(
        run_id=facts.run.run_id,
        status=status,
        outcome=outcome,
        reason=facts.run.reason,
        started_at=facts.started_at,
        ended_at=ended_at,
        uploads=snapshot.objects if snapshot else 0,
        version=prepared.version if prepared else None,
        parent_version=snapshot.parent_version if snapshot else None,
        accepted=prepared.accepted if prepared else 0,
        quarantined=prepared.quarantined if prepared else 0,
        image_uri=facts.image_uri,
        training=facts.attempts,
        mask_ap=scores.mask.ap if scores else None,
        box_ap=scores.box.ap if scores else None,
        verdict_accuracy=scores.verdict.accuracy if scores else None,
        champion_ap=comparison.champion_ap if comparison else None,
        decision=_decision(facts, outcome),
        rollback_to=facts.recalled.run_id if facts.recalled else facts.run.rollback_to,
        endpoint=endpoint,
        states=facts.states,
        detail=facts.detail | _training_time(facts.attempts),
        spend=facts.spend,
    )


def _decision(facts: Facts, outcome: RunOutcome) -> tuple[str, ...]:
    """Why a model serves or not: what the comparison says, a person's word, or both models of a rollback."""
    reasons = facts.comparison.reasons if facts.comparison else ()
    if outcome == "REJECTED" and (note := facts.detail.get("note")):
        reasons = (*reasons, f"rejected: {note}")
    if outcome == "ROLLED_BACK" and (old := facts.recalled):
        reasons = (
            f"the model of run {old.run_id} (mask AP {old.mask_ap:.3f}) serves again instead of that of "
            f"{old.champion_run_id} (mask AP {old.champion_ap:.3f}), each on the test set of its own run",
        )
    return reasons


def failed(record: RunRecord, *, state: str, error: str, cause: str) -> RunRecord:
    """Add why the run failed, in a sentence that a person can act on."""
    return dataclasses.replace(
        record, failed_state=state, error=error, cause=cause or HINTS.get(error, f"{error} in state {state}")
    )


def _training_time(attempts: tuple[TrainingAttempt, ...]) -> dict[str, Any]:
    """Seconds of all instances that trained, those that are billed, and the share that spot saved."""
    total = sum(a.seconds * a.instance_count for a in attempts)
    billable = sum(a.billable_seconds * a.instance_count for a in attempts)
    if total == 0:
        return {}
    return {
        "training_seconds": total,
        "billable_seconds": billable,
        "spot_savings": round(1 - billable / total, 4),
        "interruptions": sum(a.interruptions for a in attempts),
    }


def successful(result: JobResult) -> TrainingAttempt:
    """The attempt that trained the model."""
    return TrainingAttempt(
        job_name=result.job_name,
        status=result.status,
        instance_type=result.instance_type,
        spot=result.spot,
        seconds=result.seconds,
        billable_seconds=result.billable_seconds,
        interruptions=result.interruptions,
        batch_halvings=result.batch_halvings,
        instance_count=result.instance_count,
    )


def timings(events: Iterable[Mapping[str, Any]], now: dt.datetime) -> tuple[StateTiming, ...]:
    """How long each visit of a Task state took, in order; one that is still open lasts until `now`."""
    visits: list[tuple[str, dt.datetime, dt.datetime | None]] = []
    for event in events:
        if event["type"] == "TaskStateEntered":
            visits.append((event["stateEnteredEventDetails"]["name"], event["timestamp"], None))
        elif event["type"] == "TaskStateExited" and visits:
            name, entered, _ = visits[-1]
            visits[-1] = (name, entered, event["timestamp"])
    return tuple(
        StateTiming(name, round(((exited or now) - entered).total_seconds(), 3)) for name, entered, exited in visits
    )


def failed_state(states: Iterable[StateTiming]) -> str:
    """The last state that did the run's own work."""
    return next((state.name for state in reversed(tuple(states)) if state.name not in CLOSING_STATES), "")


def summary(record: RunRecord) -> str:
    """One line for lists and the subject of a notification."""
    if record.status == "RUNNING":
        return record.reason
    if record.status != "SUCCEEDED":
        return f"{record.error} in {record.failed_state or 'the beginning'}: {record.cause}"
    score = f"mask AP {record.mask_ap:.3f}" if record.mask_ap is not None else ""
    uploads = "" if record.rollback_to else f"{record.uploads} uploads"
    why = "; ".join(record.decision)
    return ", ".join(part for part in (uploads, score, why) if part)


def notification(record: RunRecord, report: str) -> tuple[str, str]:
    """Subject (at most 100 ASCII characters, as SNS asks) and text for people; `report` is empty when there is none."""
    word = record.outcome or record.status
    subject = f"Castline run {record.run_id}: {word}"
    lines = [
        f"Run {record.run_id}: {word}",
        f"Why it started: {record.reason}",
    ]
    if record.rollback_to:
        lines.append(f"Rollback to the model of run {record.rollback_to}")
    else:
        lines.append(f"Uploads: {record.uploads}, accepted {record.accepted}, quarantined {record.quarantined}")
    if record.mask_ap is not None:
        champion = f" (champion {record.champion_ap:.3f})" if record.champion_ap is not None else ""
        lines.append(f"Mask AP: {record.mask_ap:.3f}{champion}")
    lines += [f"- {reason}" for reason in record.decision]
    if record.error:
        lines += [f"Failed in {record.failed_state}: {record.error}", record.cause]
        lines.append("The champion serves on, and the uploads stay in the inbox.")
    if record.spend:
        lines.append(f"Cost: {record.spend.in_words}")
    if record.endpoint:
        lines.append(f"Endpoint: {record.endpoint}")
    if report:
        lines.append(f"Report: {report}")
    return subject.encode("ascii", "replace").decode()[:100], "\n".join(lines)


def question(run_id: str, comparison: Comparison | None, report: str, days: float) -> tuple[str, str]:
    """Subject and text that ask a person whether a model shall serve."""
    lines = [f"The model of run {run_id} waits for your word. No other run begins until then."]
    if comparison:
        champion = f" (champion {comparison.champion_ap:.3f})" if comparison.champion_ap is not None else ""
        lines.append(f"Mask AP: {comparison.challenger_ap:.3f}{champion}")
        lines += [f"- {reason}" for reason in comparison.reasons]
    lines += [
        f"Report: {report}",
        f"Yes: python -m app approve {run_id}",
        f'No: python -m app reject {run_id} --reason "..."',
        f"Or in the console, at the model package. Without an answer within {days:g} days it is rejected.",
    ]
    return f"Castline run {run_id}: approve or reject its model", "\n".join(lines)
