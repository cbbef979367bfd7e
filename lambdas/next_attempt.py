"""State NextAttempt: what to try after a training attempt failed."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.decisions import budget, ladder
from lambdas.events import NextAttemptEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide; a pure function of the settings, the prices, the attempt and its error."""
    failed, here = from_plain(NextAttemptEvent, event), environment.current()
    training = ladder.for_run(here.settings.training, failed.hyperparameters)
    decided = ladder.next_attempt(training, failed.attempt, failed.error)
    settings = here.spending(over_budget=failed.over_budget)
    return dataclasses.asdict(budget.affordable(settings, here.prices, decided))
