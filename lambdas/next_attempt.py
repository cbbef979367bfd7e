"""State NextAttempt: what to try after a training attempt failed."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.decisions import ladder
from lambdas.events import NextAttemptEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide; a pure function of the settings, the attempt and its error."""
    failed = from_plain(NextAttemptEvent, event)
    settings = ladder.for_run(environment.current().settings.training, failed.hyperparameters)
    return dataclasses.asdict(ladder.next_attempt(settings, failed.attempt, failed.error))
