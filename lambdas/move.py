"""Asked by the reconciler, by Publish or by a person: the champion takes a step to another way of serving."""

from __future__ import annotations

import logging
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import moving
from lambdas.events import MoveEvent

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take it; whoever needs the next one asks again."""
    move, here = from_plain(MoveEvent, event), environment.current()
    answer = moving.step(here, run_id=move.run_id, again=move.again)
    log.info(answer)
    return {"moved": answer}
