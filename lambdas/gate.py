"""Woken by uploads, a clock, the end of a run or a person: look at the inbox and start a run when one is due."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from lambdas import environment
from lambdas.aws import turns

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide; `{"force": true}` asks for a run whatever the inbox holds, `reason` says why.

    Every other event is a wake-up that carries nothing: the inbox itself is the truth.
    """
    forced = event.get("force") is True
    decision = turns.look(environment.current(), forced=forced, why=str(event.get("reason", "")) if forced else "")
    log.info(decision.reason, extra={"start": decision.start, "forced": forced})
    return dataclasses.asdict(decision)
