"""Woken by uploads, a clock, the end of a run or a person: look at the inbox and start a run when one is due."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import turns
from lambdas.decisions import ladder
from lambdas.events import GateOrder

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide; only a person's order, `{"force": true, ...}`, says anything: learn, or roll back.

    Every other event is a wake-up that carries nothing: the inbox itself is the truth.
    """
    order = from_plain(GateOrder, event) if event.get("force") is True else GateOrder()
    here = environment.current()
    if order.rollback_to:
        return dataclasses.asdict(turns.roll_back(here, order))
    ladder.for_run(here.settings.training, order.hyperparameters)  # refuse them now, not after hours of preparing
    decision = turns.look(
        here,
        forced=order.force,
        why=order.reason,
        hyperparameters=order.hyperparameters,
        over_budget=order.over_budget,
    )
    log.info(decision.reason, extra={"start": decision.start, "forced": order.force})
    return dataclasses.asdict(decision)
