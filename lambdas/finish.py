"""State Finish: record, report, notify, release, wake the gate."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from app.contracts.runs import RunInput
from lambdas import environment
from lambdas.aws import closing
from lambdas.events import ClosingEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """End a run that did what it should; the record itself is in runs/<run>/run.json."""
    closing_event = from_plain(ClosingEvent, event)
    state = closing_event.state
    run = from_plain(RunInput, state["run"])
    record = closing.succeed(environment.current(), closing_event.execution_arn, run, state["outcome"], state)
    return {"status": record.status, "outcome": record.outcome}
