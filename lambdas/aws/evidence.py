"""What a run has left behind when it ends: in S3, in its execution's history, in SageMaker."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from app.contracts import keys, names
from app.contracts.dataset import PrepareResult, SnapshotSummary
from app.contracts.documents import from_plain
from app.contracts.evaluation import Comparison, EvaluationResult
from app.contracts.jobs import JobKind, JobResult
from app.contracts.runs import RunInput, RunRecord, Spend, TrainingAttempt
from lambdas.aws import executions, jobs
from lambdas.aws.documents import Bucket
from lambdas.decisions import outcomes, records, spending
from lambdas.environment import Environment
from lambdas.events import Attempt, Recalled

log = logging.getLogger(__name__)

State = dict[str, Any]
"""The state machine's data; empty when only an event tells of the run's end."""
MAX_ATTEMPTS = 50
"""More attempts than any step has; bounds the search by name."""


def of_state(environment: Environment, execution_arn: str, run: RunInput, state: State) -> records.Facts:
    """Facts of a run that came to its end: the state machine has passed on its training attempts."""
    attempt = from_plain(Attempt, state["attempt"]) if "attempt" in state else Attempt()
    trained = [from_plain(JobResult, state["training"])] if "training" in state else []
    attempts = (*attempt.history, *map(records.successful, trained))
    spend = _spend(environment, run.run_id, _jobs(environment, "training", run.run_id, "train"))
    return _facts(environment, execution_arn, run, state, attempts, image_uri="", spend=spend)


def of_jobs(environment: Environment, execution_arn: str, run: RunInput, state: State) -> records.Facts:
    """Facts of a run that broke off anywhere: SageMaker knows what was started."""
    described = list(_jobs(environment, "training", run.run_id, "train"))
    attempts = []
    for job in described:
        outcome = outcomes.training(job)
        attempts.append(outcomes.attempt(job, outcome.error if isinstance(outcome, outcomes.Failed) else ""))
    image_uri = described[0]["AlgorithmSpecification"]["TrainingImage"] if described else ""
    spend = _spend(environment, run.run_id, described)
    return _facts(environment, execution_arn, run, state, tuple(attempts), image_uri, spend)


def _jobs(environment: Environment, kind: JobKind, run_id: str, step: str) -> Iterator[dict[str, Any]]:
    """The run's jobs of one step: names are deterministic, so the first unknown one ends the list."""
    for number in range(1, MAX_ATTEMPTS + 1):
        described = jobs.describe(kind, names.job(environment.name, run_id, step, number))
        if described is None:
            return
        yield described


def _spend(environment: Environment, run_id: str, trained: Iterable[dict[str, Any]]) -> Spend | None:
    """What all jobs of the run cost, also those that failed; None when SageMaker does not say, which undoes no run."""
    try:
        used = [
            *map(outcomes.processing_use, _jobs(environment, "processing", run_id, "prepare")),
            *map(outcomes.training_use, trained),
            *map(outcomes.processing_use, _jobs(environment, "processing", run_id, "evaluate")),
        ]
    except (ClientError, BotoCoreError):
        log.exception("the cost of the run is not known")
        return None
    return spending.estimate(used, environment.prices)


def _facts(
    environment: Environment,
    execution_arn: str,
    run: RunInput,
    state: State,
    attempts: tuple[TrainingAttempt, ...],
    image_uri: str,
    spend: Spend | None,
) -> records.Facts:
    bucket, run_id = Bucket(environment.bucket), run.run_id

    def read(kind: Any, *parts: str) -> Any:
        found = bucket.find(kind, keys.run(run_id, *parts))
        return found.document if found else None

    begun = read(RunRecord, "run.json")
    detail = dict(state.get("registration", {}).get("detail", {}))
    if "restoration" in state:
        detail["restoration"] = state["restoration"]
    if run.hyperparameters:
        detail["hyperparameters"] = run.hyperparameters
    return records.Facts(
        run=run,
        started_at=begun.started_at if begun else run.requested_at,
        snapshot=read(SnapshotSummary, "snapshot", "summary.json"),
        prepared=read(PrepareResult, "prepare", "result.json"),
        evaluation=read(EvaluationResult, "evaluation", "result.json"),
        comparison=read(Comparison, "evaluation", "comparison.json"),
        attempts=attempts,
        states=records.timings(executions.history(execution_arn), dt.datetime.now(dt.UTC)),
        image_uri=(state.get("model") or state.get("image") or {}).get("image_uri", "") or image_uri,
        recalled=from_plain(Recalled, state["model"]) if run.rollback_to and "model" in state else None,
        spend=spend,
        detail=detail,
    )
