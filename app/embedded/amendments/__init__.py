"""What ministack lacks for the pipeline, one concern a module; every hook is checked against the pinned version."""

from __future__ import annotations

from app.embedded.amendments import (
    buckets,
    codebuild,
    executions,
    lambda_errors,
    network,
    restart,
    task_tokens,
)


def apply_all() -> None:
    """Amend the imported ministack.

    Raises:
        PinError: a private part that an amendment hooks into has moved.
    """
    for amendment in (network, buckets, lambda_errors, executions, task_tokens, codebuild, restart):
        amendment.apply()
