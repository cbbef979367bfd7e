"""Step Functions: an execution's own timeout, and an abort that stays an abort.

ministack 1.5.33 ignores TimeoutSeconds of a state machine, and lets an execution that was stopped while it waits
for a task token end as FAILED later on.
"""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any

from ministack.services import stepfunctions

from app.embedded import pin

current: contextvars.ContextVar[str] = contextvars.ContextVar("castline_execution", default="")
"""ARN of the execution that this thread walks."""


def apply() -> None:
    """Wrap the start and the failure of executions."""
    run, fail = pin.part(stepfunctions, "_run_execution"), pin.part(stepfunctions, "_fail_execution")
    for name in ("_executions", "_state_machines", "_add_event", "_emit_execution_status_event", "now_iso"):
        pin.part(stepfunctions, name)

    def run_with_timeout(arn: str) -> None:
        current.set(arn)
        timer = _timer(arn)
        try:
            run(arn)
        finally:
            if timer:
                timer.cancel()

    def fail_when_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._run_execution = run_with_timeout
    stepfunctions._fail_execution = fail_when_running


def is_running(arn: str) -> bool:
    """Whether the execution has not been stopped or timed out."""
    execution = stepfunctions._executions.get(arn)
    return bool(execution) and execution["status"] == "RUNNING"


def machine(arn: str) -> str:
    """ARN of the state machine of an execution; empty when there is none."""
    execution = stepfunctions._executions.get(arn)
    return str(execution["stateMachineArn"]) if execution else ""


def end(execution: dict[str, Any], status: str, error: str, cause: str) -> None:
    """Close a running execution as ABORTED or TIMED_OUT, with its history event and its status event."""
    execution.update(status=status, error=error, cause=cause, stopDate=stepfunctions.now_iso())
    kind = {"ABORTED": "Aborted", "TIMED_OUT": "TimedOut"}[status]
    details = {f"execution{kind}EventDetails": {"error": error, "cause": cause}}
    stepfunctions._add_event(execution, f"Execution{kind}", details)
    stepfunctions._emit_execution_status_event(execution)


def _timer(arn: str) -> threading.Timer | None:
    """Start the clock of one execution, if its state machine has a TimeoutSeconds."""
    execution = stepfunctions._executions.get(arn)
    machine = execution and stepfunctions._state_machines.get(execution["stateMachineArn"])
    seconds = machine and json.loads(machine["definition"]).get("TimeoutSeconds")
    if not execution or not seconds:
        return None

    def expire() -> None:
        if execution["status"] == "RUNNING":
            end(execution, "TIMED_OUT", "States.Timeout", f"State machine timed out after {seconds} seconds")

    timer = threading.Timer(seconds, contextvars.copy_context().run, (expire,))
    timer.daemon = True
    timer.start()
    return timer
