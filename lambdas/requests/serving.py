"""CreateModelPackage, CreateModel, CreateEndpointConfig, CreateEndpoint and UpdateEndpoint."""

from __future__ import annotations

import hashlib
import json

from app.contracts import documents, keys, names
from app.contracts.serving import Mode
from lambdas.environment import Environment
from lambdas.events import RegisterEvent
from lambdas.requests import encryption
from lambdas.requests.common import Request, tags, uri, vpc

VARIANT = "AllTraffic"
CONTENT_TYPES = ["image/jpeg", "image/png", "image/bmp", "image/tiff", "application/json"]
ANSWER_TYPES = ["application/json", "image/png"]
CAPTURED = ("Input", "Output")


def model_package(environment: Environment, event: RegisterEvent) -> Request:
    """Build CreateModelPackage: approved at once, or waiting for a person when the settings ask for one."""
    pending = environment.settings.promotion.require_approval
    report = uri(environment, keys.run(event.run_id, "evaluation", "result.json"))
    return {
        "ModelPackageGroupName": names.model_package_group(environment.name),
        "ModelPackageDescription": names.package_description(event.run_id),
        "ClientToken": event.run_id,
        "ModelApprovalStatus": "PendingManualApproval" if pending else "Approved",
        "InferenceSpecification": {
            "Containers": [{"Image": event.image_uri, "ModelDataUrl": event.model_artifact}],
            "SupportedContentTypes": CONTENT_TYPES,
            "SupportedResponseMIMETypes": ANSWER_TYPES,
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": report}}},
        "CustomerMetadataProperties": {
            "run_id": event.run_id,
            "version": event.version,
            "mask_ap": f"{event.mask_ap:.4f}",
            "report": uri(environment, keys.run(event.run_id, "evaluation", "report.html")),
        },
    }


def shape(environment: Environment) -> str:
    """Digest of everything that this deployment decides about serving, whatever the model.

    Models and endpoint configurations cannot be changed, so it is part of their names: another mode, machine, network
    or role makes new ones.
    """
    decided = json.dumps([_model_shape(environment), _config_shape(environment)], sort_keys=True)
    return hashlib.sha256(decided.encode()).hexdigest()[:8]


def name(environment: Environment, run_id: str) -> str:
    """Name of the model and of the endpoint configuration that serve a run's model as this deployment serves."""
    return names.serving(environment.name, run_id, shape(environment))


def container(environment: Environment, run_id: str, image_uri: str, model_artifact: str) -> Request:
    """The container that serves a run's model."""
    return {
        "Image": image_uri,
        "ModelDataUrl": model_artifact,
        "Environment": {
            "CASTLINE_VERDICT": documents.to_json(environment.settings.verdict),
            "CASTLINE_MODEL_VERSION": run_id,
        },
    }


def model(environment: Environment, run_id: str, serves: Request) -> Request:
    """Build CreateModel around a container."""
    return {
        "ModelName": name(environment, run_id),
        "PrimaryContainer": serves,
        "Tags": tags(environment, run_id),
        **_model_shape(environment),
    }


def _model_shape(environment: Environment) -> Request:
    """Serverless endpoints take neither a network nor isolation."""
    machines = environment.settings.serving.on_machines
    isolated: Request = {"VpcConfig": vpc(environment), "EnableNetworkIsolation": True} if machines else {}
    return {"ExecutionRoleArn": environment.serving_role_arn, **isolated}


def endpoint_config(environment: Environment, run_id: str) -> Request:
    """Build CreateEndpointConfig."""
    decided, named = _config_shape(environment), name(environment, run_id)
    variant = {"VariantName": VARIANT, "ModelName": named, **decided.pop("Variant")}
    return {
        "EndpointConfigName": named,
        "ProductionVariants": [variant],
        "Tags": tags(environment, run_id),
        **decided,
    }


def _config_shape(environment: Environment) -> Request:
    settings = environment.settings.serving
    decided: Request = {}
    if settings.on_machines:
        decided["Variant"] = {"InstanceType": settings.instance_type, "InitialInstanceCount": settings.instance_count}
        decided |= encryption.volume(environment, settings.instance_type, name="KmsKeyId")
    else:
        size = {"MemorySizeInMB": settings.memory_mb, "MaxConcurrency": settings.max_concurrency}
        decided["Variant"] = {"ServerlessConfig": size}
    if settings.mode == "async":
        decided["AsyncInferenceConfig"] = _asynchronous(environment)
    if settings.capture_percent:
        decided["DataCaptureConfig"] = _capture(environment, settings.capture_percent)
    return decided


def _asynchronous(environment: Environment) -> Request:
    """One image at a time for each machine, as the server answers; no topics: the bucket tells EventBridge."""
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        "OutputConfig": {
            "S3OutputPath": _folder(environment, keys.SERVING_ANSWERS),
            "S3FailurePath": _folder(environment, keys.SERVING_FAILURES),
            **encryption.output(environment),
        },
    }


def _folder(environment: Environment, prefix: str) -> str:
    """SageMaker adds the slash behind a prefix itself."""
    return uri(environment, prefix.rstrip("/"))


def _capture(environment: Environment, percent: int) -> Request:
    """Images are kept in base64, answers as the JSON that they are; encrypted as the bucket is."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": _folder(environment, keys.SERVING_CAPTURES),
        "CaptureOptions": [{"CaptureMode": mode} for mode in CAPTURED],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        **encryption.output(environment),
    }


def create_endpoint(environment: Environment, config: str, run_id: str, endpoint: str = "") -> Request:
    """Build CreateEndpoint for the one endpoint, unless another is named."""
    return {
        "EndpointName": endpoint or environment.endpoint,
        "EndpointConfigName": config,
        "Tags": tags(environment, run_id),
    }


def update_endpoint(
    environment: Environment, config: str, *, present: Mode, serves: str, watched: bool = True
) -> Request:
    """Build UpdateEndpoint: blue/green with alarms from machines to machines; serverless knows no such guardrails.

    Args:
        environment: The deployment.
        config: The configuration that is wanted.
        present: How the endpoint serves now.
        serves: The configuration it serves now.
        watched: Alarms watch the new machines. Never on the way back to the champion: what an alarm says then is
            about the machines that go.
    """
    settings = environment.settings.serving
    request: Request = {"EndpointName": environment.endpoint, "EndpointConfigName": config}
    retains = settings.mode == "realtime" and settings.scales and names.same_shape(config, serves)
    if settings.on_machines and present == settings.mode:
        fewest = settings.min_instances if retains else settings.instance_count
        request["DeploymentConfig"] = _deployment(environment, settings.bake_seconds if watched else 0, fewest)
    if retains:
        # As many machines as the work has brought; what the configuration says is only what it began with.
        request["RetainAllVariantProperties"] = True
        request["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DataCaptureConfig"}]
    return request


def _deployment(environment: Environment, bake_seconds: int, fewest: int) -> Request:
    """A canary of one machine where there are two, because it is at most half of them; otherwise all at once.

    The old machines stay until the new ones were watched for `bake_seconds`, so that going back is quick.

    Args:
        environment: The deployment.
        bake_seconds: How long alarms watch.
        fewest: How many machines the new fleet has at least.
    """
    settings = environment.settings.serving
    routing: Request = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    if fewest > 1 and bake_seconds:
        canary = {"Type": "INSTANCE_COUNT", "Value": 1}
        routing = {"Type": "CANARY", "CanarySize": canary, "WaitIntervalInSeconds": bake_seconds}
    policy: Request = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": bake_seconds,
        "MaximumExecutionTimeoutInSeconds": settings.guardrail_seconds,
    }
    if not bake_seconds:
        return {"BlueGreenUpdatePolicy": policy}
    alarms = [{"AlarmName": alarm} for alarm in names.rollout_alarms(environment.name)]
    return {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": {"Alarms": alarms}}
