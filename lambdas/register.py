"""State Register: enter the model in the registry, and wait for a person when the settings ask for one."""

from __future__ import annotations

from typing import Any

from app.contracts import names
from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import turns, waiting
from lambdas.aws.clients import client
from lambdas.aws.table import StateTable
from lambdas.environment import Environment
from lambdas.events import RegisterEvent
from lambdas.requests import serving


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Register or adopt; an approved package answers the token at once, a pending one when a person has decided."""
    register, here = from_plain(RegisterEvent, event), environment.current()
    turns.hold(here, register.run_id)
    arn = _registered(here, register.run_id)
    if arn is None:
        arn = client("sagemaker").create_model_package(**serving.model_package(here, register))["ModelPackageArn"]
    item = waiting.item_for(register, "approval", arn)
    StateTable(here.table).put_job(item)
    waiting.settle(here, item)
    return {"model_package_arn": arn}


def _registered(here: Environment, run_id: str) -> str | None:
    """ARN of the package that an earlier try of this state has made."""
    description = serving.package_description(run_id)
    pages = (
        client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(
            ModelPackageGroupName=names.model_package_group(here.name), SortBy="CreationTime", SortOrder="Descending"
        )
    )
    for page in pages:
        for package in page["ModelPackageSummaryList"]:
            if package.get("ModelPackageDescription") == description:
                return str(package["ModelPackageArn"])
    return None
