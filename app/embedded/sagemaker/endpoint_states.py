"""What DescribeEndpoint says of fleets, deployments and capture."""

from __future__ import annotations

import time

from app.embedded.sagemaker.fleets import Fleet, mode_of
from app.embedded.sagemaker.shapes import Record


def serving(fleet: Fleet, image: str) -> Record:
    """The members that follow the configuration in service."""
    config = fleet.config
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": [variant(config, image, fleet.instances, fleet.instances)],
        "AsyncInferenceConfig": config.get("AsyncInferenceConfig"),
        "DataCaptureConfig": capture(config),
    }


def variant(config: Record, image: str, current: int, desired: int) -> Record:
    """A ProductionVariantSummary: instances, or the size of a serverless endpoint."""
    first = config["ProductionVariants"][0]
    state = {"VariantName": first["VariantName"], "CurrentWeight": 1.0,
             "DesiredWeight": first.get("InitialVariantWeight", 1.0),
             "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": time.time()}]}
    if mode_of(config) == "serverless":
        size = first["ServerlessConfig"]
        return state | {"CurrentServerlessConfig": size, "DesiredServerlessConfig": size}
    return state | {"CurrentInstanceCount": current, "DesiredInstanceCount": desired}


def capture(config: Record) -> Record | None:
    """The DataCaptureConfigSummary."""
    given = config.get("DataCaptureConfig")
    if given is None:
        return None
    enabled = given.get("EnableCapture", True)
    return {"EnableCapture": enabled, "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
            "DestinationS3Uri": given["DestinationS3Uri"], "KmsKeyId": given.get("KmsKeyId", "")}


def pending(config: Record, image: str, instances: int, status: str, started: float) -> Record:
    """The PendingDeploymentSummary of a deployment whose new fleet is Creating, ActivatingTraffic or Baking."""
    present = 0 if status == "Creating" else instances
    summary = variant(config, image, present, instances)
    summary["VariantStatus"] = [{"Status": status, "StartTime": time.time()}]
    if instance_type := config["ProductionVariants"][0].get("InstanceType"):
        summary["InstanceType"] = instance_type
    return {"EndpointConfigName": config["EndpointConfigName"], "StartTime": started, "ProductionVariants": [summary]}


def instances_of(record: Record) -> int | None:
    """How many instances a described endpoint has; None when it is serverless or was never in service."""
    for summary in record.get("ProductionVariants", []):
        count: int | None = summary.get("CurrentInstanceCount")
        return count
    return None
