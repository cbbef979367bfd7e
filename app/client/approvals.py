"""Models that wait for a person's word, and the word: UpdateModelPackage, as the console does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from app.client import runs
from app.client.pipeline import Pipeline, PipelineError
from app.client.signature import signed
from app.contracts import documents, keys, names, table
from app.contracts.evaluation import Comparison

Decision = Literal["Approved", "Rejected"]
DEEDS: Mapping[Decision, str] = {"Approved": "approved", "Rejected": "rejected"}
MAX_DESCRIPTION = 1024
"""Of a model package, as SageMaker takes it."""


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A run whose model waits for a person.

    Attributes:
        since: ISO 8601, UTC.
        report: Where the page with the evaluation lies.
    """

    run_id: str
    model_package_arn: str
    since: str
    challenger_ap: float | None
    champion_ap: float | None
    reasons: tuple[str, ...]
    report: str

    def until(self, timeout_seconds: int) -> str:
        """When nobody's word is taken for a no: ISO 8601, UTC."""
        return (datetime.fromisoformat(self.since) + timedelta(seconds=timeout_seconds)).isoformat()


def waiting(pipeline: Pipeline) -> Waiting | None:
    """The active run, if its model waits for a person and nobody has decided yet."""
    dynamodb = pipeline.client("dynamodb")
    lock = dynamodb.get_item(
        TableName=pipeline.table, Key={"pk": {"S": table.LOCK_PK}, "sk": {"S": table.LOCK_SK}}, ConsistentRead=True
    ).get("Item")
    if lock is None:
        return None
    items = dynamodb.query(
        TableName=pipeline.table, KeyConditionExpression="pk = :pk", ConsistentRead=True,
        ExpressionAttributeValues={":pk": {"S": table.JOB_PK}})["Items"]
    for item in items:
        if item["kind"]["S"] == "approval" and item["run_id"] == lock["owner"]:
            package = _describe(pipeline, item["sk"]["S"])
            return _waiting(pipeline, item) if package["ModelApprovalStatus"] == "PendingManualApproval" else None
    return None


def _waiting(pipeline: Pipeline, item: Mapping[str, Any]) -> Waiting:
    run_id = item["run_id"]["S"]
    text = runs.read_object(pipeline, keys.run(run_id, "evaluation", "comparison.json"))
    comparison = documents.from_json(Comparison, text) if text is not None else None
    return Waiting(
        run_id=run_id,
        model_package_arn=item["sk"]["S"],
        since=item["created_at"]["S"],
        challenger_ap=comparison.challenger_ap if comparison else None,
        champion_ap=comparison.champion_ap if comparison else None,
        reasons=comparison.reasons if comparison else (),
        report=keys.uri(pipeline.bucket, keys.run(run_id, "evaluation", "report.html")),
    )


def decide(pipeline: Pipeline, run: str, decision: Decision, why: str) -> Waiting:
    """Approve or reject the model that waits.

    Args:
        pipeline: Where.
        run: Run id, a part of it, or empty for the run that waits.
        decision: What SageMaker calls it.
        why: Kept in the registry and in the run's record, behind the name of who decides.

    Raises:
        PipelineError: the run does not wait for a decision, or it was decided already.
    """
    asked = waiting(pipeline)
    run_id = runs.resolve(pipeline, run) if run else asked.run_id if asked else ""
    if not run_id:
        raise PipelineError("no model waits for an approval: python -m app status shows one that does")
    if asked is None or asked.run_id != run_id:
        raise PipelineError(_why_not(pipeline, run_id))
    pipeline.client("sagemaker").update_model_package(
        ModelPackageArn=asked.model_package_arn, ModelApprovalStatus=decision,
        ApprovalDescription=signed(DEEDS[decision], why)[:MAX_DESCRIPTION])
    return asked


def _why_not(pipeline: Pipeline, run_id: str) -> str:
    """Why a run takes no decision now, and what to do instead."""
    package = _find(pipeline, run_id)
    if package is None:
        record = runs.record(pipeline, run_id)
        state = "goes on" if record is None or record.status == "RUNNING" else f"is over ({record.status.lower()})"
        return (f"run {run_id} does not wait for an approval: it {state} and has registered no model: "
                f"python -m app show {run_id}")
    status, note = package["ModelApprovalStatus"], package.get("ApprovalDescription", "")
    if status == "PendingManualApproval":
        return (f"run {run_id} does not wait any more: it ended before anybody decided: python -m app show {run_id}; "
                "a new model: python -m app run")
    by = f" ({note})" if note else " without a person, as the settings say"
    if status == "Approved":
        return (f"the model of run {run_id} was approved already{by}: if it serves and should not: "
                "python -m app rollback")
    return f"the model of run {run_id} was rejected already{by}: a new model from the same data: python -m app run"


def _find(pipeline: Pipeline, run_id: str) -> dict[str, Any] | None:
    """The model package of a run."""
    sagemaker, wanted = pipeline.client("sagemaker"), names.package_description(run_id)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=names.model_package_group(pipeline.environment))
    for page in pages:
        for package in page["ModelPackageSummaryList"]:
            if package.get("ModelPackageDescription") == wanted:
                return _describe(pipeline, package["ModelPackageArn"])
    return None


def _describe(pipeline: Pipeline, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = pipeline.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return answer
