"""Executions of the state machine: start, status, history, task tokens."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from app.contracts import documents
from app.contracts.runs import RunInput
from lambdas.aws.clients import client, code, unless_absent
from lambdas.environment import Environment

log = logging.getLogger(__name__)

GONE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""Nobody waits for the token any more: answered already, timed out, or the run is over."""
MAX_CAUSE = 32_000
"""SendTaskFailure takes 32,768 characters."""


def start(environment: Environment, run: RunInput) -> bool:
    """Start the execution named by the run id; False when it exists already, which is as good."""
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=environment.state_machine_arn, name=run.run_id, input=documents.to_json(run)
        )
    except ClientError as error:
        if code(error) == "ExecutionAlreadyExists":
            return False
        raise
    return True


def describe(execution_arn: str) -> dict[str, Any] | None:
    """DescribeExecution; None when it was never started."""
    return unless_absent(client("stepfunctions").describe_execution, executionArn=execution_arn)


def is_running(execution_arn: str) -> bool:
    """True while the execution runs; an execution that never started does not."""
    described = describe(execution_arn)
    return described is not None and described["status"] in ("RUNNING", "PENDING_REDRIVE")


def history(execution_arn: str) -> Iterator[dict[str, Any]]:
    """All events of an execution, without their data."""
    pages = (
        client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=execution_arn, includeExecutionData=False)
    )
    for page in pages:
        yield from page["events"]


def succeed(token: str, output: Any) -> bool:
    """Answer a task token with a result; False when nobody waits for it any more."""
    return _answer("send_task_success", taskToken=token, output=documents.to_json(output))


def fail(token: str, error: str, cause: Any) -> bool:
    """Answer a task token with a failure; False when nobody waits for it any more."""
    return _answer("send_task_failure", taskToken=token, error=error, cause=json.dumps(cause)[:MAX_CAUSE])


def heartbeat(token: str) -> bool:
    """Keep a task alive; False when nobody waits for it any more."""
    return _answer("send_task_heartbeat", taskToken=token)


def _answer(operation: str, **request: str) -> bool:
    try:
        getattr(client("stepfunctions"), operation)(**request)
    except ClientError as error:
        if code(error) in GONE:
            log.info("nobody waits for this token any more", extra={"operation": operation, "code": code(error)})
            return False
        raise
    return True
