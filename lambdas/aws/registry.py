"""The model registry: the package of a run, the question to a person, and the end of waiting for an answer."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from app.contracts import keys, names
from app.contracts.evaluation import Comparison
from app.contracts.jobs import JobResult
from lambdas.aws import jobs
from lambdas.aws.clients import client
from lambdas.aws.documents import Bucket
from lambdas.aws.table import StateTable
from lambdas.decisions import outcomes, records
from lambdas.environment import Environment

log = logging.getLogger(__name__)

SECONDS_A_DAY = 86_400


def find(environment: Environment, run_id: str) -> str | None:
    """ARN of the model package that a run has registered; versions have no name, so the description tells."""
    description = names.package_description(run_id)
    pages = (
        client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(
            ModelPackageGroupName=names.model_package_group(environment.name),
            SortBy="CreationTime",
            SortOrder="Descending",
        )
    )
    for page in pages:
        for package in page["ModelPackageSummaryList"]:
            if package.get("ModelPackageDescription") == description:
                return str(package["ModelPackageArn"])
    return None


def ask(environment: Environment, run_id: str) -> None:
    """Tell people that a model waits for their word; who cannot be told finds it in `status` and `watch`."""
    comparison = Bucket(environment.bucket).find(Comparison, keys.run(run_id, "evaluation", "comparison.json"))
    report = keys.uri(environment.bucket, keys.run(run_id, "evaluation", "report.html"))
    subject, text = records.question(run_id, comparison.document if comparison else None, report, days(environment))
    try:
        client("sns").publish(TopicArn=environment.topic_arn, Subject=subject, Message=text)
    except (ClientError, BotoCoreError):
        log.exception("could not ask for an approval of run %s", run_id)


def days(environment: Environment) -> float:
    """How long a person may take."""
    return environment.settings.promotion.approval_timeout_seconds / SECONDS_A_DAY


def withdraw(environment: Environment, run_id: str) -> JobResult:
    """Reject the model of a run because nobody has decided in time; an answer of the last second counts.

    Raises:
        LookupError: the run has registered no model.
    """
    arn = find(environment, run_id)
    if arn is None:
        raise LookupError(f"run {run_id} has no model package in {names.model_package_group(environment.name)}")
    table = StateTable(environment.table)
    if waiter := table.job(arn):  # its token has run out
        table.forget_job(waiter)
    answer = _answer(arn)
    if isinstance(answer, JobResult):
        return answer
    client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription=f"nobody decided within {days(environment):g} days",
    )
    settled = _answer(arn)
    if not isinstance(settled, JobResult):
        raise LookupError(f"{arn}: still undecided although it was just rejected: call again")
    return settled


def _answer(arn: str) -> outcomes.Outcome:
    return outcomes.approval(jobs.describe("approval", arn) or {"ModelApprovalStatus": "PendingManualApproval"})
