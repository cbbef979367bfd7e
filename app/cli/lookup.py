"""Small questions to a deployment that only the command line asks: who runs, what waits, which run comes next."""

from __future__ import annotations

import time

from botocore.exceptions import ClientError

from app.client import runs
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents, keys, table
from app.contracts.settings import PipelineSettings

START_SECONDS = 120.0
"""How long the gate may take to notice an upload or an order."""
POLL_SECONDS = 0.5
NO_ENDPOINT = "none"


def active_run(where: Pipeline) -> str | None:
    """The run that holds the lock, or None."""
    item = where.client("dynamodb").get_item(
        TableName=where.table, Key={"pk": {"S": table.LOCK_PK}, "sk": {"S": table.LOCK_SK}}, ConsistentRead=True
    ).get("Item")
    return str(item["owner"]["S"]) if item else None


def inbox(where: Pipeline) -> list[str]:
    """Keys of everything in the inbox, the marker included."""
    pages = where.client("s3").get_paginator("list_objects_v2").paginate(Bucket=where.bucket, Prefix=keys.INBOX)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]


def endpoint_status(where: Pipeline) -> str:
    """SageMaker's word for the state of the endpoint, or `none` before the first promoted model."""
    # boto3, not the SageMaker SDK: importing sagemaker.core.resources alone takes five seconds
    try:
        answer = where.client("sagemaker").describe_endpoint(EndpointName=where.endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return NO_ENDPOINT
        raise
    return str(answer["EndpointStatus"])


def settings(where: Pipeline) -> PipelineSettings:
    """What the deployment was told to do, as its functions know it.

    Raises:
        PipelineError: the gate function does not say it.
    """
    answer = where.client("lambda").get_function_configuration(FunctionName=where.gate_function)
    text = answer.get("Environment", {}).get("Variables", {}).get("CASTLINE_SETTINGS")
    if text is None:
        raise PipelineError(f"the function {where.gate_function} does not say what the deployment was told: "
                            "deploy again")
    return documents.from_json(PipelineSettings, text)


def newest_run(where: Pipeline) -> str | None:
    """The active run, else the one that was started last."""
    known = runs.run_ids(where, 1)
    return active_run(where) or (known[0] if known else None)


def next_run(where: Pipeline, after: str | None) -> str:
    """Wait for a run that is newer than `after`; run ids sort by time.

    Raises:
        PipelineError: none came.
    """
    for _ in range(round(START_SECONDS / POLL_SECONDS)):
        newest = newest_run(where)
        if newest is not None and newest > (after or "") and _began(where, newest):
            return newest
        time.sleep(POLL_SECONDS)
    raise PipelineError(f"no run started within {START_SECONDS:.0f} s: python -m app run starts one or says why not")


def run_to_watch(where: Pipeline) -> str:
    """The active run; the one about to start when an upload is marked complete; else the last one.

    Raises:
        PipelineError: there is no run and none is about to start.
    """
    newest = newest_run(where)
    if active_run(where) is None and keys.READY_MARKER in inbox(where):
        return next_run(where, newest)
    if newest is None:
        raise PipelineError("no run yet: upload images first: python -m app upload FOLDER")
    return newest


def _began(where: Pipeline, run_id: str) -> bool:
    """The lock is taken a moment before the execution exists."""
    try:
        where.client("stepfunctions").describe_execution(executionArn=where.execution_arn(run_id))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return False
        raise
    return True
