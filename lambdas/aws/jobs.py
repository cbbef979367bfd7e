"""SageMaker jobs by kind: create or adopt, describe, stop."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from botocore.exceptions import ClientError

from app.contracts.jobs import JobKind
from lambdas import errors
from lambdas.aws.clients import client, code, exists_already, message, unless_absent
from lambdas.decisions import failures
from lambdas.decisions.failures import Family
from lambdas.requests.common import Request


@dataclasses.dataclass(frozen=True)
class Api:
    """The operations of one kind of job, and how its failures are called."""

    family: Family
    noun: str

    @property
    def name_key(self) -> str:
        """`TrainingJobName` or `ProcessingJobName`."""
        return f"{self.noun}Name"


APIS: dict[JobKind, Api] = {"training": Api("Train", "TrainingJob"), "processing": Api("Job", "ProcessingJob")}


def create(kind: JobKind, request: Request) -> bool:
    """Create a job; False when one of that name exists, which is then adopted.

    Raises:
        TrainQuotaError, JobQuotaError: the account's quota is used up; the state machine waits and tries again.
        TrainConfigError, JobConfigError: SageMaker refuses the request.
    """
    api = APIS[kind]
    try:
        _call("create", api, request)
    except ClientError as error:
        if exists_already(error):
            return False
        problem = failures.CLIENT_ERRORS.get(code(error))
        raised = getattr(errors, failures.named(api.family, problem), None) if problem else None
        if raised is None:
            raise
        raise raised(f"{request[api.name_key]}: {message(error)}") from error
    return True


def describe(kind: JobKind, name: str) -> dict[str, Any] | None:
    """Describe a job, an endpoint (by its name) or a model package (by its ARN); None when there is none."""
    sagemaker = client("sagemaker")
    if kind == "endpoint":
        return unless_absent(sagemaker.describe_endpoint, EndpointName=name)
    if kind == "approval":
        return unless_absent(sagemaker.describe_model_package, ModelPackageName=name)
    api = APIS[kind]
    return unless_absent(functools.partial(_call, "describe", api), request={api.name_key: name})


def stop(kind: JobKind, name: str) -> bool:
    """Stop a job that runs; False when there is nothing to stop."""
    api = APIS.get(kind)
    described = describe(kind, name) if api else None
    if api is None or described is None or described[f"{api.noun}Status"] != "InProgress":
        return False
    try:
        _call("stop", api, {api.name_key: name})
    except ClientError as error:
        if code(error) == "ValidationException":  # it ended in this very moment
            return False
        raise
    return True


def _call(verb: str, api: Api, request: Request) -> dict[str, Any]:
    noun = "training_job" if api.noun == "TrainingJob" else "processing_job"
    answer: dict[str, Any] = getattr(client("sagemaker"), f"{verb}_{noun}")(**request)
    return answer
