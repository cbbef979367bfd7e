"""The SageMaker model and endpoint configuration of a run's model, as this deployment serves."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from app.contracts.runs import Champion
from app.contracts.serving import Mode
from lambdas.aws.clients import client, exists_already, unless_absent
from lambdas.environment import Environment
from lambdas.requests import serving
from lambdas.requests.common import Request

CONTAINER = ("Image", "ModelDataUrl", "Environment")


def create(environment: Environment, run_id: str, container: Request) -> str:
    """Create both around a container, or find them there; return their name."""
    sagemaker, config = client("sagemaker"), serving.endpoint_config(environment, run_id)
    create_once(sagemaker.create_model, serving.model(environment, run_id, container))
    create_once(sagemaker.create_endpoint_config, config)
    return str(config["EndpointConfigName"])


def ensure(environment: Environment, champion: Champion) -> str:
    """Have the configuration on which a champion serves as this deployment decides; return its name.

    The container is the one that was proven, so that a verdict that was decided anew since then waits for a new model.
    """
    proven = _proven(champion.endpoint_config)
    return create(environment, champion.run_id, proven or serving.container(
        environment, champion.run_id, champion.image_uri, champion.model_artifact))  # fmt: skip


def mode_of(config: str) -> Mode | None:
    """In which mode a configuration serves; None when there is no such configuration."""
    described = _described(config)
    if described is None:
        return None
    if described.get("AsyncInferenceConfig"):
        return "async"
    return "serverless" if described["ProductionVariants"][0].get("ServerlessConfig") else "realtime"


def create_once(create: Any, request: Request) -> None:
    """Create something with a deterministic name, or find it there."""
    try:
        create(**request)
    except ClientError as error:
        if not exists_already(error):
            raise


def _proven(config: str) -> Request | None:
    """The container of a configuration; None when somebody deleted it or its model."""
    described = _described(config)
    if described is None:
        return None
    variant = described["ProductionVariants"][0]
    model = unless_absent(client("sagemaker").describe_model, ModelName=variant["ModelName"])
    if model is None:
        return None
    return {name: model["PrimaryContainer"][name] for name in CONTAINER if name in model["PrimaryContainer"]}


def _described(config: str) -> dict[str, Any] | None:
    return unless_absent(client("sagemaker").describe_endpoint_config, EndpointConfigName=config)
