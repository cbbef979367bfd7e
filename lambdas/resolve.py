"""The rule on SageMaker state changes: the event is a hint, Describe is the truth, the token gets the answer."""

from __future__ import annotations

import logging
from typing import Any

from lambdas import environment
from lambdas.aws import care

log = logging.getLogger(__name__)

NAMES = ("TrainingJobName", "ProcessingJobName", "EndpointName", "ModelPackageArn")
"""Where an event says what it is about, and what the state table calls it."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer whoever waits for the job, endpoint or model package of the event."""
    detail = event.get("detail", {})
    name = next((detail[key] for key in NAMES if detail.get(key)), None)
    if name is None:
        log.warning("an event that names no job", extra={"detail_type": event.get("detail-type")})
        return {"job_name": None, "settled": "unknown"}
    return {"job_name": name, "settled": care.resolve(environment.current(), name)}
