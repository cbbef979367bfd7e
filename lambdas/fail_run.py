"""State FailRun, and the rule on executions that failed, timed out or were aborted: end the run once."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import ContractError, from_plain
from app.contracts.runs import RunInput
from lambdas import environment
from lambdas.aws import care, closing, executions
from lambdas.decisions import failures
from lambdas.environment import Environment
from lambdas.events import ClosingEvent, StateError


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Stop jobs, record the reason, notify, release, wake the gate; an event about a recorded run changes nothing."""
    here = environment.current()
    if "detail" in event:
        return _from_rule(here, event["detail"]["executionArn"])
    closing_event = from_plain(ClosingEvent, event)
    state = closing_event.state
    error = from_plain(StateError, state["error"])
    why = state.get("attempt", {}).get("why", "")  # NextAttempt's own reason, beside that of the job
    cause = "; ".join(part for part in (failures.sentence(error.Cause), why) if part)
    failure = closing.Failure("FAILED", error.Error, cause)
    closing.fail(here, closing_event.execution_arn, _run(closing_event), failure, state)
    return {"error": failure.error, "cause": failure.cause}


def _from_rule(here: Environment, execution_arn: str) -> dict[str, Any]:
    """Close a run that could not do it itself; what the event says is a hint, the execution is the truth."""
    execution = executions.describe(execution_arn)
    if execution is None or execution["status"] not in ("FAILED", "TIMED_OUT", "ABORTED"):
        return {"error": "", "cause": "the execution is not over"}
    record = care.close_dead_run(here, execution)
    return {"error": record.error if record else "", "cause": record.cause if record else "not a run of ours"}


def _run(closing_event: ClosingEvent) -> RunInput:
    """The run, also when Claim failed before it had checked the input."""
    state = closing_event.state
    run_id = closing_event.execution_arn.rpartition(":")[2]
    if "run" in state:
        return from_plain(RunInput, state["run"])
    try:
        return from_plain(RunInput, {name: value for name, value in state.items() if name != "error"})
    except ContractError:
        return RunInput(run_id, "started by hand", closing.now().isoformat())
