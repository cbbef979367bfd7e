"""Status-change events of SageMaker on the default event bus.

Only inside ministack's process may an event claim to come from `aws.sagemaker`. Events leave through one thread, in
order: their targets run Lambdas, and neither an API call nor a job may wait for those.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
from collections.abc import Callable
from typing import Any

from app.embedded.sagemaker.shapes import Record, project

DETAIL_TYPES = {
    "TrainingJob": "SageMaker Training Job State Change",
    "ProcessingJob": "SageMaker Processing Job State Change",
    "Endpoint": "SageMaker Endpoint State Change",
    "ModelPackage": "SageMaker Model Package State Change",
}
Publish = Callable[[str, str, dict[str, Any]], None]
"""detail type, ARN of the resource, detail."""

log = logging.getLogger("castline.events")


class Events:
    """Publishes the state of a record as SageMaker would.

    Args:
        publish: Puts one event on the bus.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: queue.SimpleQueue[tuple[str, str, dict[str, Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="castline-events", daemon=True).start()

    def state_changed(self, record: Record) -> None:
        """Tell the bus the present state of a record."""
        kind = record["_kind"]
        self._waiting.put((DETAIL_TYPES[kind], record[f"{kind}Arn"], detail(record)))

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                self._publish(*event)
            except Exception:
                log.exception("event %s of %s was lost", *event[:2])


def detail(record: Record) -> dict[str, Any]:
    """The event's detail: what Describe says, with times in milliseconds and, for endpoints, IN_SERVICE spelling."""
    plain: dict[str, Any] = _milliseconds(project(f"Describe{record['_kind']}", record))
    if status := plain.get("EndpointStatus"):
        plain["EndpointStatus"] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()
    return plain


def publish_to_ministack() -> Publish:
    """The real bus."""
    from ministack.services import eventbridge

    from app.embedded import pin

    put_events = pin.part(eventbridge, "_put_events")

    def publish(detail_type: str, arn: str, body: dict[str, Any]) -> None:
        entry = {"Source": "aws.sagemaker", "DetailType": detail_type, "Resources": [arn], "Detail": json.dumps(body)}
        put_events({"Entries": [entry]}, allow_aws_source=True)

    return publish


def _milliseconds(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _milliseconds(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_milliseconds(v, name) for v in value]
    return int(value * 1000) if name.endswith(("Time", "Timestamp")) and isinstance(value, float | int) else value
