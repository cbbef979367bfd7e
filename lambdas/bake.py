"""A clock, while the endpoint has machines: new ones that are being watched get the golden images.

Alarms judge what was asked. Without requests they say nothing, and an update of an endpoint that nobody asks at night
would pass unwatched.
"""

from __future__ import annotations

from typing import Any

from app.contracts import names
from lambdas import environment
from lambdas.aws import jobs, proving
from lambdas.decisions import serving_modes


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send the golden images of the model that comes, if one is watched now."""
    here = environment.current()
    described = jobs.describe("endpoint", here.endpoint) or {}
    config = serving_modes.baking(described)
    run_id = names.served_run(here.name, config)
    return {"endpoint_config": config, "sent": proving.send(here, described, run_id) if run_id else 0}
