"""CreateModelPackage, CreateModel, CreateEndpointConfig, CreateEndpoint and UpdateEndpoint."""

from __future__ import annotations

from app.contracts import documents, keys, names
from lambdas.environment import Environment
from lambdas.events import PublishEvent, RegisterEvent
from lambdas.requests.common import Request, tags, uri, vpc

VARIANT = "AllTraffic"
CONTENT_TYPES = ["image/jpeg", "image/png", "image/bmp", "image/tiff", "application/json"]
ANSWER_TYPES = ["application/json", "image/png"]
GUARDRAIL_SECONDS = (600, 28_800)
"""What MaximumExecutionTimeoutInSeconds takes."""


def package_description(run_id: str) -> str:
    """Tells a run's model package from the others: versions have no name of their own."""
    return f"Castline run {run_id}"


def model_package(environment: Environment, event: RegisterEvent) -> Request:
    """Build CreateModelPackage: approved at once, or waiting for a person when the settings ask for one."""
    pending = environment.settings.promotion.require_approval
    report = uri(environment, keys.run(event.run_id, "evaluation", "result.json"))
    return {
        "ModelPackageGroupName": names.model_package_group(environment.name),
        "ModelPackageDescription": package_description(event.run_id),
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


def model(environment: Environment, event: PublishEvent) -> Request:
    """Build CreateModel. Serverless endpoints take neither a network nor isolation."""
    realtime = environment.settings.serving.mode == "realtime"
    return {
        "ModelName": names.serving(environment.name, event.run_id),
        "PrimaryContainer": {
            "Image": event.image_uri,
            "ModelDataUrl": event.model_artifact,
            "Environment": {
                "CASTLINE_VERDICT": documents.to_json(environment.settings.verdict),
                "CASTLINE_MODEL_VERSION": event.run_id,
            },
        },
        "ExecutionRoleArn": environment.serving_role_arn,
        "Tags": tags(environment, event.run_id),
        **({"VpcConfig": vpc(environment), "EnableNetworkIsolation": True} if realtime else {}),
    }


def endpoint_config(environment: Environment, run_id: str) -> Request:
    """Build CreateEndpointConfig."""
    settings, name = environment.settings.serving, names.serving(environment.name, run_id)
    if settings.mode == "serverless":
        size: Request = {
            "ServerlessConfig": {
                "MemorySizeInMB": settings.memory_mb,
                "MaxConcurrency": settings.max_concurrency,
            }
        }
    else:
        size = {"InstanceType": settings.instance_type, "InitialInstanceCount": settings.instance_count}
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [{"VariantName": VARIANT, "ModelName": name, **size}],
        "Tags": tags(environment, run_id),
    }


def create_endpoint(environment: Environment, config: str, run_id: str) -> Request:
    """Build CreateEndpoint."""
    return {
        "EndpointName": environment.endpoint,
        "EndpointConfigName": config,
        "Tags": tags(environment, run_id),
    }


def update_endpoint(environment: Environment, config: str) -> Request:
    """Build UpdateEndpoint: blue/green for machines; serverless knows no deployment guardrails.

    All traffic moves at once, because a canary is at most half of the fleet; the golden images prove the rest.
    """
    settings = environment.settings.serving
    request: Request = {"EndpointName": environment.endpoint, "EndpointConfigName": config}
    if settings.mode == "realtime":
        low, high = GUARDRAIL_SECONDS
        request["DeploymentConfig"] = {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
                "MaximumExecutionTimeoutInSeconds": min(max(settings.update_timeout_seconds, low), high),
            }
        }
    return request
