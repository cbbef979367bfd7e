"""Woken by uploads, a clock, the end of a run or a person: look at the inbox and start a run when one is due."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import turns

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Order:
    """What a person who forces a run may say about it."""

    reason: str = ""
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=dict)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide; `{"force": true}` asks for a run whatever the inbox holds, `reason` says why.

    `hyperparameters` of a forced run override the deployment's for this run only.

    Every other event is a wake-up that carries nothing: the inbox itself is the truth.
    """
    forced = event.get("force") is True
    asked = from_plain(Order, {k: event[k] for k in ("reason", "hyperparameters") if k in event}) if forced else Order()
    decision = turns.look(
        environment.current(), forced=forced, why=asked.reason, hyperparameters=asked.hyperparameters)
    log.info(decision.reason, extra={"start": decision.start, "forced": forced})
    return dataclasses.asdict(decision)
