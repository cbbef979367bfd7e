"""State Restore: after a failed publication the champion serves again, or nobody does."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import endpoint
from lambdas.aws.clients import client
from lambdas.aws.table import StateTable
from lambdas.events import RestoreEvent

log = logging.getLogger(__name__)
MAX_DESCRIPTION = 1024


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Go back; raises EndpointBusyError until the endpoint is there, and is called again."""
    restore, here = from_plain(RestoreEvent, event), environment.current()
    table = StateTable(here.table)
    waiter = table.job(here.endpoint)
    if waiter:  # nobody waits for the new configuration any more
        table.forget_job(waiter)
    serves = endpoint.follow_champion(here)
    _reject(restore)
    return {"serves": serves}


def _reject(restore: RestoreEvent) -> None:
    """Keep the registry honest: this model was approved but cannot be served."""
    why = f"{restore.error.Error}: {restore.error.Cause}"[:MAX_DESCRIPTION]
    try:
        client("sagemaker").update_model_package(
            ModelPackageArn=restore.model_package_arn, ModelApprovalStatus="Rejected", ApprovalDescription=why
        )
    except ClientError:  # the champion serves; a label in the registry must not stop the run from ending
        log.exception("could not reject %s", restore.model_package_arn)
