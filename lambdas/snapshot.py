"""State Snapshot: freeze the exact object versions of the inbox."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import inbox
from lambdas.aws.documents import Bucket
from lambdas.events import SnapshotEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Freeze the inbox into runs/<run>/snapshot/."""
    snapshot = from_plain(SnapshotEvent, event)
    bucket = Bucket(environment.current().bucket)
    return dataclasses.asdict(inbox.freeze(bucket, snapshot.run_id, forced=snapshot.forced))
