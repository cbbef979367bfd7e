"""State Withdraw: nobody has said yes or no to a model in time, so it is rejected."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import registry, turns
from lambdas.events import WithdrawEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Reject it; answers as a person's decision would."""
    run_id, here = from_plain(WithdrawEvent, event).run_id, environment.current()
    turns.hold(here, run_id)
    return dataclasses.asdict(registry.withdraw(here, run_id))
