"""State Recall: the champion that a person wants back, and whether all of it is still there."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import rolling_back
from lambdas.events import RecallEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Find it; nothing was touched yet."""
    return dataclasses.asdict(rolling_back.recall(environment.current(), from_plain(RecallEvent, event)))
