"""State Evaluate: start the job that judges challenger and champion, or adopt it."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import endpoint, waiting
from lambdas.events import EvaluateEvent
from lambdas.requests import processing


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Start or adopt; the state machine waits for the token."""
    evaluate, here = from_plain(EvaluateEvent, event), environment.current()
    champion = endpoint.champion(here)
    step = processing.evaluate(here, evaluate, champion.document if champion else None)
    return {"job_name": waiting.start_processing(here, evaluate, step)}
