"""What SageMaker refuses about endpoints: combinations of a configuration, changes of mode, deployment settings.

Sources: Amazon SageMaker developer guide, "Deploy models with Serverless Inference" (feature exclusions: no data
capture; an instance-based endpoint never becomes serverless, a serverless one becomes real-time for good),
"Deployment guardrails"; API reference, BlueGreenUpdatePolicy and TrafficRoutingConfig. That AsyncInferenceConfig
"cannot be removed from this endpoint" is SageMaker's own answer; that it cannot be added either is taken from it.
"""

from __future__ import annotations

from app.embedded.sagemaker.errors import validation
from app.embedded.sagemaker.fleets import mode_of
from app.embedded.sagemaker.shapes import Record

LARGEST_STEP = 0.5
SMALLEST_LINEAR_STEP = 0.1
SIZES = {"ALL_AT_ONCE": None, "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
"""Which size each type of traffic routing needs; it takes no other."""


def check_config(request: Record) -> None:
    """Raise ApiError where CreateEndpointConfig would be refused."""
    for variant in request["ProductionVariants"]:
        name, serverless = variant["VariantName"], "ServerlessConfig" in variant
        if serverless == ("InstanceType" in variant):
            raise validation(f"Variant {name} needs either a ServerlessConfig or an InstanceType, not both")
        if not serverless and "InitialInstanceCount" not in variant:
            raise validation(f"Variant {name}: InitialInstanceCount is required with an InstanceType")
    capture, mode = request.get("DataCaptureConfig"), mode_of(request)
    if mode == "serverless":
        _check_serverless(request)
    if capture and not capture["DestinationS3Uri"].startswith("s3://"):
        raise validation("DataCaptureConfig: DestinationS3Uri must be an s3:// address")
    if mode == "async":
        output = request["AsyncInferenceConfig"]["OutputConfig"]
        if "S3OutputPath" not in output:
            raise validation("AsyncInferenceConfig: the embedded AWS has no default bucket, give an S3OutputPath")
        if len(request["ProductionVariants"]) > 1:
            raise validation("AsyncInferenceConfig: an asynchronous endpoint has one production variant")


def _check_serverless(request: Record) -> None:
    if len(request["ProductionVariants"]) > 1:
        raise validation("Serverless Inference: an endpoint has one production variant")
    for feature in ("DataCaptureConfig", "AsyncInferenceConfig"):
        given = request.get(feature)
        if given and given.get("EnableCapture", True):
            raise validation(f"{feature} is not supported for serverless endpoints")
    size = request["ProductionVariants"][0]["ServerlessConfig"]
    if size["MemorySizeInMB"] % 1024:
        raise validation(f"ServerlessConfig: MemorySizeInMB = {size['MemorySizeInMB']}: must be a multiple of 1024")


def check_change(endpoint: str, old: Record, new: Record, *, autoscaled: bool = False) -> None:
    """Raise ApiError where an endpoint cannot go from one configuration to another as it is."""
    before, after = mode_of(old), mode_of(new)
    again = "To change the endpoint, delete it and create it again."
    if before == "async" and after != "async":
        raise validation(f"The AsyncInferenceConfig parameter cannot be removed from this endpoint {endpoint}. {again}")
    if before != "async" and after == "async":
        raise validation(f"The AsyncInferenceConfig parameter cannot be added to this endpoint {endpoint}. {again}")
    if before == "realtime" and after == "serverless":
        raise validation(f"Endpoint {endpoint} is instance-based and cannot become serverless. {again}")
    types = [config["ProductionVariants"][0].get("InstanceType") for config in (old, new)]
    if autoscaled and types[0] != types[1]:
        raise validation(f"Endpoint {endpoint} is a target of auto scaling and cannot change its instance type from "
                         f"{types[0]} to {types[1]}: deregister the scalable target first")


def check_deployment(deployment: Record, new: Record, old: Record | None = None, instances: int | None = None) -> None:
    """Raise ApiError where a DeploymentConfig does not fit the configurations.

    Args:
        deployment: The DeploymentConfig.
        new: The configuration that is deployed.
        old: The one that serves.
        instances: Of the new fleet, where they are not those of its configuration.
    """
    if mode_of(new) == "serverless" or (old and mode_of(old) == "serverless"):
        raise validation("DeploymentConfig: deployment guardrails are not supported for serverless endpoints")
    if "RollingUpdatePolicy" in deployment:
        raise validation("DeploymentConfig: the embedded AWS does not have RollingUpdatePolicy: use "
                         "BlueGreenUpdatePolicy with CANARY or LINEAR")
    names = [{v["VariantName"] for v in config["ProductionVariants"]} for config in (new, old) if config]
    if names[0] != names[-1]:
        raise validation("DeploymentConfig: the new endpoint configuration must have the variant names of the old one")
    if policy := deployment.get("BlueGreenUpdatePolicy"):
        _check_blue_green(policy, instances or new["ProductionVariants"][0]["InitialInstanceCount"])


def _check_blue_green(policy: Record, instances: int) -> None:
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    for size in ("CanarySize", "LinearStepSize"):
        if (size in routing) != (SIZES[kind] == size):
            needs = "is required" if SIZES[kind] == size else "is not allowed"
            raise validation(f"TrafficRoutingConfiguration: {size} {needs} for traffic routing type {kind}")
    if name := SIZES[kind]:
        _check_size(name, routing[name], instances)
    between = len(shares(routing, instances)) - 1
    total = between * routing["WaitIntervalInSeconds"] + policy.get("TerminationWaitInSeconds", 0)
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and limit <= total:
        raise validation(f"MaximumExecutionTimeoutInSeconds = {limit}: must be larger than the total waiting time of "
                         f"WaitIntervalInSeconds and TerminationWaitInSeconds, {total}")


def _check_size(name: str, size: Record, instances: int) -> None:
    percent = size["Type"] == "CAPACITY_PERCENT"
    asked = size["Value"] / 100 if percent else size["Value"] / instances
    if max(asked, step_share(size, instances)) > LARGEST_STEP:
        raise validation(f"{name} must be at most 50% of the variant's total instance count, and is "
                         f"{size['Value']}{'%' if percent else ''} of {instances}")
    if name == "LinearStepSize" and asked < SMALLEST_LINEAR_STEP:
        raise validation(f"{name} must be 10-50% of the variant's total instance count, and is {asked:.0%}")


def step_share(size: Record, instances: int) -> float:
    """A CanarySize or LinearStepSize as a share (0 to 1) of the fleet: of whole instances, and of at least one."""
    count = size["Value"] if size["Type"] == "INSTANCE_COUNT" else max(1, size["Value"] * instances // 100)
    return float(count / instances)


def shares(routing: Record, instances: int) -> list[float]:
    """The share of the traffic on the new fleet after each step; the last is 1."""
    name = SIZES[routing["Type"]]
    if name is None:
        return [1.0]
    step = step_share(routing[name], instances)
    if name == "CanarySize":
        return [step, 1.0]
    count = int(1 / step - 1e-9)
    return [*(step * (i + 1) for i in range(count)), 1.0]
