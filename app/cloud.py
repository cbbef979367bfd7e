"""How the command line reaches a deployment: the embedded AWS of this machine, or an account."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from app.client.pipeline import Pipeline, PipelineError
from app.contracts import names
from app.embedded import control

INVOKE_SECONDS = 120
POOL_CONNECTIONS = 32
"""At least as many as the threads of the widest upload, so that none has to open its own each time."""


def connect(environment: str, *, aws: bool = False) -> Pipeline:
    """The deployed pipeline of an environment.

    Args:
        environment: Name of the environment.
        aws: True for the account of the caller's AWS credentials.

    Raises:
        PipelineError: the embedded AWS is not up, there are no credentials, or the stacks are not deployed.
    """
    session = boto3.Session()
    access = None if aws else _running().access()
    options = access.client_options() if access else {}
    config = Config(read_timeout=INVOKE_SECONDS, max_pool_connections=POOL_CONNECTIONS,
                    retries={"mode": "standard", "max_attempts": 5},
                    s3={"addressing_style": "auto" if aws else "path"})

    @functools.cache
    def client(service: str) -> Any:
        return session.client(service, config=config, **options)

    outputs = _outputs(client, environment, aws=aws)
    return Pipeline(
        client=client,
        environment=environment,
        embedded=not aws,
        bucket=outputs["BucketName"],
        table=outputs["TableName"],
        state_machine_arn=outputs["StateMachineArn"],
        gate_function=outputs["GateFunctionName"],
        endpoint=outputs["EndpointName"],
        variables=access.environment() if access else {},
    )


def interrupt_training(pipeline: Pipeline, run_id: str) -> str:
    """Take the spot instance away from the running training job of a run; embedded AWS only.

    Returns:
        The name of the job.

    Raises:
        PipelineError: no job of the run trains on a spot instance now.
    """
    prefix = names.job(pipeline.environment, run_id, "train").removesuffix("1")
    jobs = pipeline.client("sagemaker").list_training_jobs(NameContains=prefix, StatusEquals="InProgress")
    for job in (j["TrainingJobName"] for j in jobs["TrainingJobSummaries"]):
        _admin(f"training-jobs/{job}/interrupt", {})
        return str(job)
    raise PipelineError(f"run {run_id} does not train now: python -m app watch {run_id}")


def order_fault(kind: str, job: str, times: int = 1) -> None:
    """Let the next jobs whose name matches fail as a cloud makes them fail; embedded AWS only."""
    _admin("faults", {"kind": kind, "job": job, "times": times})


def _admin(path: str, body: dict[str, Any]) -> None:
    running = _running()
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"{running.endpoint_url}/_castline/{path}", json.dumps(body).encode(), method="POST")
    try:
        with running.open(request, timeout_seconds=10):
            return
    except urllib.error.HTTPError as error:
        raise PipelineError(json.loads(error.read())["message"]) from error


def _running() -> control.Running:
    running = control.status()
    if running is None:
        raise PipelineError("the embedded AWS is not up: start it with python -m app up, or use your account: --aws")
    return running


def _outputs(client: Any, environment: str, *, aws: bool) -> dict[str, str]:
    """Outputs of the pipeline stack."""
    stack = names.stack(environment, "pipeline")
    try:
        found = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        hint = f"make deploy ENV={environment}" if aws else "python -m app deploy"
        raise PipelineError(f"the stack {stack} is not deployed: {hint}") from error
    except NoCredentialsError as error:
        raise PipelineError("no AWS credentials: aws configure, or set AWS_PROFILE") from error
    return {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
