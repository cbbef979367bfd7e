"""State Register: enter the model in the registry, and wait for a person when the settings ask for one."""

from __future__ import annotations

from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import registry, turns, waiting
from lambdas.aws.clients import client
from lambdas.aws.table import StateTable
from lambdas.events import RegisterEvent
from lambdas.requests import serving


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Register or adopt; an approved package answers the token at once, a pending one when a person has decided."""
    register, here = from_plain(RegisterEvent, event), environment.current()
    turns.hold(here, register.run_id)
    arn = registry.find(here, register.run_id)
    if arn is None:
        arn = client("sagemaker").create_model_package(**serving.model_package(here, register))["ModelPackageArn"]
    item = waiting.item_for(register, "approval", arn)
    StateTable(here.table).put_job(item)
    if waiting.settle(here, item) == "pending":
        registry.ask(here, register.run_id)
    return {"model_package_arn": arn}
