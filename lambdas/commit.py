"""State Commit: champion pointer, then data-set head, then the used uploads leave the inbox."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import committing
from lambdas.events import CommitEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Commit; every step may be repeated, and an interruption between two of them loses nothing."""
    state = from_plain(CommitEvent, event).state
    return committing.commit(environment.current(), state)
