"""A clock: make up for lost events, dead runs and forgotten locks; then let the gate look."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from lambdas import environment
from lambdas.aws import care, turns

log = logging.getLogger(__name__)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One round of care."""
    here = environment.current()
    report = care.round_of_care(here)
    decision = turns.look(here)
    answer = {**dataclasses.asdict(report), "gate": decision.reason, "started": decision.start}
    log.info("reconciled", extra=answer)
    return answer
