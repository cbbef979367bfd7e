"""State Train: start one attempt on its rung of the ladder, or adopt it."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import file_system, waiting
from lambdas.events import TrainEvent
from lambdas.requests import training


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Start or adopt; the state machine waits for the token."""
    train, here = from_plain(TrainEvent, event), environment.current()
    request = training.request(here, train, on_file_system=file_system.holds(here, train.version))
    return {"job_name": waiting.start_training(here, train, request)}
