"""State Verify: the endpoint serves the requested configuration and answers like the evaluated model."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import jobs, proving, scaling
from lambdas.errors import PublishFailedError
from lambdas.events import VerifyEvent
from lambdas.requests import serving


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send the golden images through the endpoint and compare; what is proven may scale."""
    verify, here = from_plain(VerifyEvent, event), environment.current()
    requested = verify.endpoint_config or serving.name(here, verify.run_id)
    described = jobs.describe("endpoint", here.endpoint) or {}
    if (described.get("EndpointStatus"), described.get("EndpointConfigName")) != ("InService", requested):
        raise PublishFailedError(
            f"endpoint {here.endpoint} is {described.get('EndpointStatus')} with "
            f"{described.get('EndpointConfigName')}, not InService with {requested}"
        )
    proven = proving.prove(here, described, verify.run_id)
    scaling.apply_quietly(here, requested)
    return {"golden_images": proven}
