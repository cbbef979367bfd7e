"""Tasks that wait: store the token, start or adopt the job, answer when the job has ended.

The token is stored before the create call, so that no job can end without somebody knowing whom to tell. Job names
are deterministic, so that a retry finds the job instead of starting a second one. Events are hints: whoever is
woken asks Describe and answers what it says.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from typing import Any, Literal

from app.contracts import errors, keys, names
from app.contracts.attempts import PROCESSING_ATTEMPTS
from app.contracts.dataset import PrepareResult
from app.contracts.documents import ContractError
from app.contracts.evaluation import EvaluationResult
from app.contracts.jobs import JobKind, JobResult
from lambdas.aws import executions, jobs, turns
from lambdas.aws.documents import Bucket
from lambdas.aws.table import JobItem, StateTable
from lambdas.decisions import outcomes
from lambdas.environment import Environment
from lambdas.events import WaitingEvent
from lambdas.requests.common import Request
from lambdas.requests.processing import ProcessingStep

log = logging.getLogger(__name__)

SPENT = (errors.JOB_INTERNAL, errors.JOB_CAPACITY)
"""A processing job that ended so is done again under the next name."""

Settled = Literal["pending", "answered"]


def item_for(event: WaitingEvent, kind: JobKind, job_name: str, requested: str = "") -> JobItem:
    """What the state table keeps while a state waits."""
    created_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return JobItem(job_name, event.token, kind, event.run_id, event.execution_arn, created_at, requested)


def start_training(environment: Environment, event: WaitingEvent, request: Request) -> str:
    """Start or adopt a training job; return its name."""
    turns.hold(environment, event.run_id)
    return _start(environment, event, "training", request["TrainingJobName"], request)


def start_processing(environment: Environment, event: WaitingEvent, step: ProcessingStep) -> str:
    """Start or adopt the first attempt that is not spent; return its name."""
    turns.hold(environment, event.run_id)
    Bucket(environment.bucket).write(step.document_key, step.document)
    for attempt in range(1, PROCESSING_ATTEMPTS + 1):
        name = names.job(environment.name, event.run_id, step.program, attempt)
        described = jobs.describe("processing", name)
        outcome = outcomes.processing(described) if described else None
        if not (isinstance(outcome, outcomes.Failed) and outcome.error in SPENT):
            break
    return _start(environment, event, "processing", name, step.request(environment, name))


def _start(environment: Environment, event: WaitingEvent, kind: JobKind, name: str, request: Request) -> str:
    item = item_for(event, kind, name)
    StateTable(environment.table).put_job(item)
    if not jobs.create(kind, request):
        log.info("adopted a job that exists", extra={"job": name})
        settle(environment, item)
    return name


def settle(environment: Environment, item: JobItem) -> Settled:
    """Ask how the job stands and answer the token if it is over."""
    outcome = _outcome(environment, item)
    if isinstance(outcome, outcomes.Pending):
        return "pending"
    if isinstance(outcome, outcomes.Failed):
        attempt = dataclasses.asdict(outcome.attempt) if outcome.attempt else None
        executions.fail(item.token, outcome.error, {"message": outcome.message, "attempt": attempt})
        log.info("job failed", extra={"job": item.job_name, "error": outcome.error, "reason": outcome.message})
    else:
        executions.succeed(item.token, outcome)
        log.info("job succeeded", extra={"job": item.job_name, "status": outcome.status})
    StateTable(environment.table).forget_job(item)
    return "answered"


def _outcome(environment: Environment, item: JobItem) -> outcomes.Outcome:
    if item.kind == "endpoint" and not item.requested:
        return outcomes.Pending()  # the endpoint was not yet asked to change
    described = jobs.describe(item.kind, item.job_name)
    if described is None:
        if item.kind == "endpoint":
            return outcomes.Failed(errors.PUBLISH_FAILED, f"endpoint {item.job_name} was deleted")
        return outcomes.Pending()  # the token is stored before the job is created
    if item.kind == "training":
        return outcomes.training(described)
    if item.kind == "endpoint":
        return outcomes.endpoint(described, item.requested)
    if item.kind == "approval":
        return outcomes.approval(described)
    outcome = outcomes.processing(described)
    return _with_detail(environment, item, outcome) if isinstance(outcome, JobResult) else outcome


def _with_detail(environment: Environment, item: JobItem, result: JobResult) -> outcomes.Outcome:
    """Add what the state machine branches on; a job that wrote no result has not succeeded."""
    bucket, program = Bucket(environment.bucket), item.job_name.split("-")[-2]
    detail: dict[str, Any]
    try:
        if program == "prepare":
            prepared = bucket.read(PrepareResult, keys.run(item.run_id, "prepare", "result.json"))
            detail = {"version": prepared.version, "changed": prepared.changed}
        else:
            evaluated = bucket.read(EvaluationResult, keys.run(item.run_id, "evaluation", "result.json"))
            detail = {"champion_run_id": evaluated.champion.run_id if evaluated.champion else None}
    except (FileNotFoundError, ContractError) as error:
        return outcomes.Failed(errors.JOB_ALGORITHM, f"{item.job_name} completed without a usable result: {error}")
    return dataclasses.replace(result, detail=detail)
