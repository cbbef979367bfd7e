"""Step Functions after a restart: an execution that was running cannot go on, and the pipeline must hear of it.

ministack 1.5.33 turns such executions into FAILED without a word. They become ABORTED instead, with a status
event once the server answers, so that the rule on aborted executions stops jobs and releases the run.
"""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions

from app.embedded import pin
from app.embedded.amendments import executions

ERROR = "States.ServiceRestart"
CAUSE = "The embedded AWS was stopped while this execution was running"

_interrupted: list[dict[str, Any]] = []


def apply() -> None:
    """Remember which restored executions ministack gave up."""
    restore = pin.part(stepfunctions, "load_persisted_state")

    def restore_and_remember(data: dict[str, Any]) -> None:
        running = {e["executionArn"] for e in data["executions"].all_values() if e["status"] == "RUNNING"}
        restore(data)
        _interrupted.extend(e for e in stepfunctions._executions.all_values() if e["executionArn"] in running)

    stepfunctions.load_persisted_state = restore_and_remember


def announce() -> None:
    """Close the interrupted executions as ABORTED; call it when the server answers."""
    while _interrupted:
        executions.end(_interrupted.pop(), "ABORTED", ERROR, CAUSE)
