"""In which mode an endpoint serves, and what SageMaker changes in place.

UpdateEndpoint turns a serverless endpoint into a realtime one, but never back ("You cannot convert your
instance-based, real-time endpoint to a serverless endpoint", developer guide, Serverless Inference), and it neither
removes AsyncInferenceConfig from an endpoint nor adds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.contracts.serving import Mode

Description = Mapping[str, Any]
"""Answer of DescribeEndpoint."""

CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
WATCHED = ("ActivatingTraffic", "Baking")
"""Stages of a blue/green update in which new machines answer and alarms watch them."""


def mode_of(endpoint: Description) -> Mode:
    """The mode in which an endpoint serves now."""
    if endpoint.get("AsyncInferenceConfig"):
        return "async"
    variants = endpoint.get("ProductionVariants") or [{}]
    return "serverless" if variants[0].get("CurrentServerlessConfig") else "realtime"


def changes_in_place(present: Mode, wanted: Mode) -> bool:
    """Whether UpdateEndpoint can do it; otherwise the endpoint has to be deleted and created again."""
    return present == wanted or (present, wanted) == ("serverless", "realtime")


def baking(endpoint: Description) -> str:
    """The configuration whose new machines answer and are watched now; empty when none are."""
    pending = endpoint.get("PendingDeploymentSummary") or {}
    stages = [stage["Status"] for variant in pending.get("ProductionVariants", ())
              for stage in variant.get("VariantStatus", ())]  # fmt: skip
    return str(pending["EndpointConfigName"]) if any(stage in WATCHED for stage in stages) else ""
