"""State Restore: after a failed publication the champion serves again, or nobody does."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import endpoint, scaling, turns
from lambdas.aws.clients import client
from lambdas.aws.table import StateTable
from lambdas.events import RestoreEvent, StateError

log = logging.getLogger(__name__)
MAX_DESCRIPTION = 1024


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Go back; raises EndpointBusyError until the endpoint is there, and is called again."""
    state, here = from_plain(RestoreEvent, event).state, environment.current()
    turns.hold(here, state["run"]["run_id"])
    table = StateTable(here.table)
    waiter = table.job(here.endpoint)
    if waiter:  # nobody waits for the new configuration any more
        table.forget_job(waiter)
    serves = endpoint.follow_champion(here)
    if champion := endpoint.champion(here):
        scaling.apply_quietly(here, champion.document.endpoint_config)
    if "registration" in state:
        _reject(state["registration"]["detail"]["model_package_arn"], from_plain(StateError, state["error"]))
    return {"serves": serves}


def _reject(model_package_arn: str, error: StateError) -> None:
    """Keep the registry honest: this model was approved but cannot be served."""
    why = f"{error.Error}: {error.Cause}"[:MAX_DESCRIPTION]
    try:
        client("sagemaker").update_model_package(
            ModelPackageArn=model_package_arn, ModelApprovalStatus="Rejected", ApprovalDescription=why
        )
    except ClientError:  # the champion serves; a label in the registry must not stop the run from ending
        log.exception("could not reject %s", model_package_arn)
