"""State Claim: the lock is this execution's, or nothing is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from app.contracts.runs import RunInput
from lambdas import environment
from lambdas.aws import turns
from lambdas.events import ClaimEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Claim the turn and write the run record; returns the checked input."""
    claim = from_plain(ClaimEvent, event)
    run = from_plain(RunInput, claim.input)
    turns.claim(environment.current(), claim.execution_arn, claim.execution_name, run)
    return dataclasses.asdict(run)
