"""What the local SageMaker refuses about endpoints, as SageMaker does."""

from __future__ import annotations

from typing import Any

import pytest

from app.embedded.sagemaker import endpoint_rules as rules
from app.embedded.sagemaker.errors import ApiError

from .serving import ASYNC, SERVERLESS, instances

CAPTURE = {"InitialSamplingPercentage": 10, "DestinationS3Uri": "s3://castings/captured",
           "CaptureOptions": [{"CaptureMode": "Input"}]}


def config(size: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"ProductionVariants": [{"VariantName": "all", "ModelName": "m", **size}], **members}


CONFIGS = {"serverless": config(SERVERLESS), "realtime": config(instances(1)),
           "async": config(instances(1), AsyncInferenceConfig=ASYNC)}


@pytest.mark.parametrize(("refused", "rule"), [
    (config({}), "either a ServerlessConfig or an InstanceType"),
    (config({**SERVERLESS, "InstanceType": "ml.m5.large"}), "either a ServerlessConfig or an InstanceType"),
    (config({"InstanceType": "ml.m5.large"}), "InitialInstanceCount is required"),
    (config({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 1}}), "multiple of 1024"),
    (config(SERVERLESS, DataCaptureConfig=CAPTURE), "DataCaptureConfig is not supported for serverless"),
    (config(SERVERLESS, AsyncInferenceConfig=ASYNC), "AsyncInferenceConfig is not supported for serverless"),
    (config(instances(1), DataCaptureConfig={**CAPTURE, "DestinationS3Uri": "https://a/b"}), "s3:// address"),
    (config(instances(1), AsyncInferenceConfig={"OutputConfig": {}}), "give an S3OutputPath"),
])
def test_configuration_that_sagemaker_refuses(refused: dict[str, Any], rule: str) -> None:
    with pytest.raises(ApiError, match=rule) as error:
        rules.check_config(refused)
    assert error.value.code == "ValidationException"


@pytest.mark.parametrize("accepted", [
    *CONFIGS.values(), config(instances(2), DataCaptureConfig=CAPTURE),
    config(SERVERLESS, DataCaptureConfig={**CAPTURE, "EnableCapture": False}),
])
def test_configuration_that_sagemaker_takes(accepted: dict[str, Any]) -> None:
    rules.check_config(accepted)


@pytest.mark.parametrize(("before", "after", "rule"), [
    ("serverless", "serverless", ""), ("serverless", "realtime", ""), ("serverless", "async", "cannot be added"),
    ("realtime", "serverless", "cannot become serverless"), ("realtime", "realtime", ""),
    ("realtime", "async", "cannot be added"), ("async", "serverless", "cannot be removed"),
    ("async", "realtime", "cannot be removed"), ("async", "async", ""),
])
def test_change_of_mode(before: str, after: str, rule: str) -> None:
    if not rule:
        rules.check_change("inspect", CONFIGS[before], CONFIGS[after])
        return
    with pytest.raises(ApiError, match=rule):
        rules.check_change("inspect", CONFIGS[before], CONFIGS[after])


def test_autoscaled_endpoint_keeps_its_instance_type() -> None:
    larger = config(instances(1, "ml.m5.xlarge"))
    rules.check_change("inspect", CONFIGS["realtime"], larger)
    rules.check_change("inspect", CONFIGS["realtime"], config(instances(3)), autoscaled=True)
    with pytest.raises(ApiError, match=r"from ml\.m5\.large to ml\.m5\.xlarge: deregister"):
        rules.check_change("inspect", CONFIGS["realtime"], larger, autoscaled=True)


def blue_green(kind: str, wait: int = 60, *, limit: int | None = None, termination: int = 0, **size: Any) -> dict:
    policy: dict[str, Any] = {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **size},
        "TerminationWaitInSeconds": termination}
    if limit is not None:
        policy["MaximumExecutionTimeoutInSeconds"] = limit
    return {"BlueGreenUpdatePolicy": policy}


def count(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(("deployment", "new", "rule"), [
    (blue_green("ALL_AT_ONCE"), CONFIGS["serverless"], "not supported for serverless"),
    ({"RollingUpdatePolicy": {}}, CONFIGS["realtime"], "does not have RollingUpdatePolicy"),
    (blue_green("ALL_AT_ONCE", CanarySize=count(1)), config(instances(4)), "CanarySize is not allowed"),
    (blue_green("CANARY"), config(instances(4)), "CanarySize is required"),
    (blue_green("CANARY", CanarySize=count(1), LinearStepSize=count(1)), config(instances(4)), "LinearStepSize is not"),
    (blue_green("CANARY", CanarySize=count(1)), config(instances(1)), "at most 50%.*1 of 1"),
    (blue_green("CANARY", CanarySize=percent(50)), config(instances(1)), "at most 50%.*50% of 1"),
    (blue_green("CANARY", CanarySize=count(3)), config(instances(4)), "at most 50%.*3 of 4"),
    (blue_green("CANARY", CanarySize=percent(60)), config(instances(3)), "at most 50%.*60% of 3"),
    (blue_green("LINEAR", LinearStepSize=percent(5)), config(instances(20)), "10-50%.*5%"),
    (blue_green("ALL_AT_ONCE", 0, termination=1200, limit=1200), config(instances(1)), "larger than.*1200"),
    (blue_green("CANARY", 600, termination=600, limit=1200, CanarySize=count(1)), config(instances(2)), "than.*1200"),
    (blue_green("LINEAR", 400, limit=1200, LinearStepSize=count(1)), config(instances(4)), "larger than.*1200"),
])
def test_deployment_that_does_not_fit_is_refused(deployment: dict, new: dict, rule: str) -> None:
    with pytest.raises(ApiError, match=rule):
        rules.check_deployment(deployment, new)


def test_deployment_needs_the_variant_names_of_the_old_fleet() -> None:
    other = {"ProductionVariants": [{"VariantName": "other", "ModelName": "m", **instances(1)}]}
    with pytest.raises(ApiError, match="variant names"):
        rules.check_deployment(blue_green("ALL_AT_ONCE"), other, CONFIGS["realtime"])
    rules.check_deployment(blue_green("ALL_AT_ONCE", 600, termination=1199, limit=1200), config(instances(1)),
                           CONFIGS["realtime"])


def test_canary_is_measured_by_the_instances_that_the_new_fleet_really_has() -> None:
    """Given a configuration of two, when auto scaling left one instance that is retained, then it cannot canary."""
    canary = blue_green("CANARY", CanarySize=count(1))
    rules.check_deployment(canary, config(instances(2)))
    with pytest.raises(ApiError, match="at most 50%"):
        rules.check_deployment(canary, config(instances(2)), instances=1)


@pytest.mark.parametrize(("deployment", "fleet", "expected"), [
    (blue_green("ALL_AT_ONCE"), 1, [1.0]),
    (blue_green("CANARY", CanarySize=count(1)), 2, [0.5, 1.0]),
    (blue_green("CANARY", CanarySize=percent(10)), 4, [0.25, 1.0]),
    (blue_green("CANARY", CanarySize=percent(50)), 5, [0.4, 1.0]),
    (blue_green("LINEAR", LinearStepSize=percent(50)), 2, [0.5, 1.0]),
    (blue_green("LINEAR", LinearStepSize=count(3)), 10, [0.3, 0.6, 0.9, 1.0]),
    (blue_green("LINEAR", LinearStepSize=count(1)), 3, [1 / 3, 2 / 3, 1.0]),
])
def test_traffic_goes_over_in_whole_instances(deployment: dict, fleet: int, expected: list[float]) -> None:
    rules.check_deployment(deployment, config(instances(fleet)))
    routing = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert rules.shares(routing, fleet) == pytest.approx(expected)
