"""What ministack lacks for the pipeline, one concern a module; every hook is checked against the pinned version."""

from __future__ import annotations

from app.embedded.amendments import (
    alarms,
    buckets,
    codebuild,
    executions,
    lambda_errors,
    network,
    object_keys,
    principals,
    requests,
    restart,
    service_roles,
    task_tokens,
)
from app.embedded.settings import EmbeddedSettings


def apply_all(settings: EmbeddedSettings) -> None:
    """Amend the imported ministack.

    Raises:
        PinError: a private part that an amendment hooks into has moved.
    """
    if settings.strict:
        principals.apply(settings.state)
        requests.apply()
        object_keys.apply()
        service_roles.apply()
    for amendment in (network, buckets, lambda_errors, executions, task_tokens, codebuild, alarms, restart):
        amendment.apply()
