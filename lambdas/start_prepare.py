"""State Prepare: start the job that turns uploads into a data-set version, or adopt it."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import waiting
from lambdas.events import PrepareEvent
from lambdas.requests import processing


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Start or adopt; the state machine waits for the token."""
    prepare, here = from_plain(PrepareEvent, event), environment.current()
    return {"job_name": waiting.start_processing(here, prepare, processing.prepare(here, prepare))}
