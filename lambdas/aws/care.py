"""What the reconciler does: make up for every event that was lost, and for every run that died without a word."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from app.contracts.documents import ContractError, from_json
from app.contracts.runs import RunInput, RunRecord
from lambdas.aws import closing, endpoint, executions, jobs, moving, scaling, waiting
from lambdas.aws.table import StateTable
from lambdas.decisions import failures, records
from lambdas.environment import Environment
from lambdas.errors import EndpointBusyError

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Report:
    """What was done, for the log."""

    heartbeats: int = 0
    answered: int = 0
    orphans: int = 0
    dead_runs: int = 0
    endpoint: str = ""


def round_of_care(environment: Environment) -> Report:
    """Heartbeat what runs, answer what has ended, stop orphans, close dead runs, keep the champion serving."""
    report = Report()
    _tokens(environment, report)
    _dead_runs(environment, report)
    if StateTable(environment.table).lock() is None:
        report.endpoint = keep_champion(environment)
    return report


def _tokens(environment: Environment, report: Report) -> None:
    table = StateTable(environment.table)
    alive: dict[str, bool] = {}
    for item in table.jobs():
        arn = item.execution_arn
        if arn not in alive:
            alive[arn] = executions.is_running(arn)
        if not alive[arn]:
            jobs.stop(item.kind, item.job_name)
            table.forget_job(item)
            report.orphans += 1
        elif waiting.settle(environment, item) == "answered":
            report.answered += 1
        else:
            executions.heartbeat(item.token)
            report.heartbeats += 1


def _dead_runs(environment: Environment, report: Report) -> None:
    """Close runs that are listed as running, or hold the lock, although their execution is over."""
    table = StateTable(environment.table)
    lock = table.lock()
    listed = [item.run_id for item in table.runs() if item.status == "RUNNING"]
    for run_id in dict.fromkeys([*listed, *([lock.owner] if lock else [])]):
        execution = executions.describe(environment.execution_arn(run_id))
        if execution and execution["status"] not in ("RUNNING", "PENDING_REDRIVE"):
            close_dead_run(environment, execution)
            report.dead_runs += 1


def close_dead_run(environment: Environment, execution: dict[str, Any]) -> RunRecord | None:
    """Record and release a run whose execution ended without doing so itself."""
    run_id = execution["name"]
    if execution["status"] == "SUCCEEDED":
        closing.release(environment, run_id)
        return None
    error = execution.get("error") or ("Stopped" if execution["status"] == "ABORTED" else "States.Timeout")
    cause = failures.sentence(execution.get("cause") or "")
    if execution["status"] == "ABORTED" and not cause:
        cause = "somebody stopped the run; the uploads stay in the inbox: force a run when it may go on"
    failure = closing.Failure(records.STATUS_OF_EXECUTION[execution["status"]], error, cause)
    return closing.fail(environment, execution["executionArn"], _input_of(execution), failure, state={})


def _input_of(execution: dict[str, Any]) -> RunInput:
    """The run's input; a run that somebody started by hand may have none."""
    try:
        return from_json(RunInput, execution.get("input") or "{}")
    except ContractError:
        return RunInput(execution["name"], "started by hand", closing.now().isoformat())


def keep_champion(environment: Environment) -> str:
    """One step towards an endpoint that serves the champion: a run may have died while it published.

    Without a champion nothing is touched: a pointer deleted by mistake must not take the endpoint with it.
    """
    found = endpoint.champion(environment)
    if found is None:
        return "no champion yet"
    if moving.follow(environment, found.document):
        return f"champion {found.document.run_id} follows the settings"
    try:
        serves = endpoint.follow_champion(environment)
        scaling.apply(environment, found.document.endpoint_config)
        return serves
    except EndpointBusyError as busy:
        return str(busy)


def resolve(environment: Environment, job_name: str) -> str:
    """An event said that something about a job changed; what, Describe says."""
    item = StateTable(environment.table).job(job_name)
    return waiting.settle(environment, item) if item else "nobody waits"
