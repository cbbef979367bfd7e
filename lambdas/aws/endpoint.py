"""The endpoint: ask it for a configuration, follow the champion, ask it about an image."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from app.contracts import documents, keys, names
from app.contracts.prediction import Prediction
from app.contracts.runs import Champion
from lambdas.aws import configuring, jobs, scaling
from lambdas.aws.clients import client, code, is_absent, message
from lambdas.aws.documents import Bucket, Found
from lambdas.decisions.serving_modes import CHANGING, changes_in_place, mode_of
from lambdas.environment import Environment
from lambdas.errors import EndpointBusyError, PublishUnfaithfulError
from lambdas.requests import serving

log = logging.getLogger(__name__)

NOT_READY = ("ModelNotReadyException", "ServiceUnavailable", "InternalFailure", "InternalDependencyException")
GONE_DELAY_SECONDS, GONE_ATTEMPTS = 5, 8
"""What deletes an endpoint waits for it to be gone: some seconds, as a rule."""
MODEL_LOADING = 503
"""What our server answers until the model is loaded."""


def champion(environment: Environment) -> Found[Champion] | None:
    """The pointer to the model that serves."""
    return Bucket(environment.bucket).find(Champion, keys.CHAMPION)


def ask_for(environment: Environment, config: str, run_id: str, *, watched: bool = True) -> None:
    """Make the endpoint take a configuration; returns once it was asked, not when it serves.

    Args:
        environment: The deployment.
        config: Name of the configuration.
        run_id: Whose model it serves.
        watched: Alarms may roll the update back (lambdas.requests.serving.update_endpoint).

    Raises:
        EndpointBusyError: it is changing otherwise, or has to be deleted first; ask again in a moment.
    """
    described = jobs.describe("endpoint", environment.endpoint)
    if described is None:
        create(environment, config, run_id)
        return
    status, serves = described["EndpointStatus"], described.get("EndpointConfigName")
    pending = described.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    if status in CHANGING:
        if status != "Deleting" and config in (serves, pending):
            return
        raise EndpointBusyError(f"endpoint {environment.endpoint} is {status}")
    if status != "InService":
        delete(environment)  # a Failed endpoint allows nothing else
        raise EndpointBusyError(f"endpoint {environment.endpoint} was {status} and is deleted first")
    if serves == config:
        return
    if is_in_place(config, described):
        _update(environment, config, described, watched=watched)
    else:
        _replace(environment, config, run_id, described)


def create(environment: Environment, config: str, run_id: str, endpoint: str = "") -> None:
    """Create the endpoint, or the one named, unless it is there."""
    request = serving.create_endpoint(environment, config, run_id, endpoint)
    configuring.create_once(client("sagemaker").create_endpoint, request)


def is_in_place(config: str, described: dict[str, Any]) -> bool:
    """Whether the endpoint can take a configuration while it serves."""
    if names.same_shape(config, described["EndpointConfigName"]):
        return True
    present = mode_of(described)
    return changes_in_place(present, configuring.mode_of(config) or present)


def _replace(environment: Environment, config: str, run_id: str, described: dict[str, Any]) -> None:
    """Delete the endpoint and create it again at once: SageMaker knows no other way into this mode.

    Raises:
        EndpointBusyError: it is not gone yet; ask again in a moment.
    """
    log.warning("endpoint %s cannot change to %s in place: it is created again", environment.endpoint, config)
    if mode_of(described) != "serverless":
        scaling.release(environment)
    delete(environment)
    try:
        gone = {"Delay": GONE_DELAY_SECONDS, "MaxAttempts": GONE_ATTEMPTS}
        client("sagemaker").get_waiter("endpoint_deleted").wait(EndpointName=environment.endpoint, WaiterConfig=gone)
    except WaiterError as error:
        raise EndpointBusyError(f"endpoint {environment.endpoint} is being deleted") from error
    create(environment, config, run_id)


def _update(environment: Environment, config: str, described: dict[str, Any], *, watched: bool) -> None:
    present, serves = mode_of(described), described["EndpointConfigName"]
    if present != "serverless" and not names.same_shape(config, serves):
        scaling.release(environment)  # SageMaker refuses another instance type while a variant scales
    request = serving.update_endpoint(environment, config, present=present, serves=serves, watched=watched)
    try:
        client("sagemaker").update_endpoint(**request)
    except ClientError as error:
        if code(error) == "ValidationException" and "in-progress" in message(error):
            raise EndpointBusyError(f"endpoint {environment.endpoint}: {message(error)}") from error
        if is_absent(error):
            raise EndpointBusyError(f"endpoint {environment.endpoint} was deleted in this very moment") from error
        raise


def delete(environment: Environment, endpoint: str = "") -> None:
    """Delete the endpoint, or the one named; its configurations and models stay."""
    try:
        client("sagemaker").delete_endpoint(EndpointName=endpoint or environment.endpoint)
    except ClientError as error:
        if not is_absent(error):
            raise


def follow_champion(environment: Environment) -> str:
    """Make the endpoint serve the champion again, or remove it when there is none.

    Returns:
        What serves now, in words; for the run record.

    Raises:
        EndpointBusyError: on the way, but not there yet.
    """
    found = champion(environment)
    described = jobs.describe("endpoint", environment.endpoint)
    if found is None:
        if described is None:
            return "no endpoint, because there is no champion yet"
        if described["EndpointStatus"] != "Deleting":
            delete(environment)
        raise EndpointBusyError(f"endpoint {environment.endpoint} is being deleted: there is no champion yet")
    config = found.document.endpoint_config
    ask_for(environment, config, found.document.run_id, watched=False)
    described = jobs.describe("endpoint", environment.endpoint) or {}
    if described.get("EndpointStatus") != "InService" or described.get("EndpointConfigName") != config:
        raise EndpointBusyError(f"endpoint {environment.endpoint} goes back to {config}")
    return f"champion {found.document.run_id} serves"


def predict(endpoint: str, body: bytes, content_type: str) -> Prediction:
    """Ask an endpoint about one image.

    Raises:
        EndpointBusyError: it is starting.
        PublishUnfaithfulError: it answers with an error, or with something that is no prediction.
    """
    try:
        answer = client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType=content_type, Accept="application/json"
        )
    except ClientError as error:
        if code(error) in NOT_READY or error.response.get("OriginalStatusCode") == MODEL_LOADING:
            raise EndpointBusyError(f"endpoint {endpoint}: {message(error)}") from error
        raise PublishUnfaithfulError(f"endpoint {endpoint}: {code(error)}: {message(error)}") from error
    return prediction(endpoint, answer["Body"].read())


def prediction(endpoint: str, answer: bytes) -> Prediction:
    """Read what an endpoint answered.

    Raises:
        PublishUnfaithfulError: it is no prediction.
    """
    try:
        return documents.from_json(Prediction, answer)
    except documents.ContractError as error:
        raise PublishUnfaithfulError(f"endpoint {endpoint} answered no prediction: {error}") from error
