"""Application Auto Scaling of the local SageMaker: what it refuses, what policies want, and what that does."""

from __future__ import annotations

from typing import Any

import pytest

from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.scaling import Load, is_of, stepped, tracked

from .conftest import Local, wait_until
from .serving import (
    ASYNC,
    ENDPOINT,
    SERVERLESS,
    SERVES,
    add,
    add_config,
    ask,
    create,
    described,
    instances,
    settled,
    update,
)

WHERE = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{ENDPOINT}/variant/all",
         "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
BACKLOG = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker", "Statistic": "Average",
           "Dimensions": [{"Name": "EndpointName", "Value": ENDPOINT}]}


def scaling(local: Local, operation: str, **request: Any) -> dict[str, Any]:
    """A call of the API for the endpoint's variant."""
    return local.service.autoscaling.call(operation, {**WHERE, **request})


def tracking(target: float, **members: Any) -> dict[str, Any]:
    """A policy that keeps the backlog of an instance, or its invocations, at a target."""
    metric = {} if "PredefinedMetricSpecification" in members else {"CustomizedMetricSpecification": BACKLOG}
    return {"PolicyName": "track", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {"TargetValue": target, **metric, **members}}


def steps(*adjustments: dict[str, Any], kind: str = "ChangeInCapacity", **members: Any) -> dict[str, Any]:
    return {"PolicyName": "step", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {
        "AdjustmentType": kind, "StepAdjustments": list(adjustments), **members}}


def count(local: Local) -> int:
    return settled(local)["ProductionVariants"][0]["CurrentInstanceCount"]


@pytest.fixture
def queue(local: Local) -> Local:
    """An asynchronous endpoint with one instance."""
    local.program("serve", SERVES)
    add(local, "first", b"first", instances(1), AsyncInferenceConfig=ASYNC)
    create(local, "first")
    return local


@pytest.fixture
def realtime(local: Local) -> Local:
    """A real-time endpoint with two instances."""
    local.program("serve", SERVES)
    add(local, "first", b"first", instances(2))
    create(local, "first")
    return local


def known(local: Local, size: dict[str, Any], **members: Any) -> Local:
    """An endpoint that the API knows and nobody serves."""
    add_config(local, "first", size, **members)
    local.cloud.store.add("Endpoint", ENDPOINT, {"EndpointConfigName": "first", "EndpointStatus": "InService"})
    return local


def test_target_is_registered_changed_described_and_removed_with_its_policies(queue: Local) -> None:
    arn = scaling(queue, "RegisterScalableTarget", MinCapacity=0, MaxCapacity=2)["ScalableTargetARN"]
    assert scaling(queue, "RegisterScalableTarget", MaxCapacity=3, SuspendedState={
        "DynamicScalingInSuspended": True})["ScalableTargetARN"] == arn
    [target] = queue.service.autoscaling.call("DescribeScalableTargets", {
        "ServiceNamespace": "sagemaker", "ResourceIds": [WHERE["ResourceId"]]})["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True
    assert target["SuspendedState"]["DynamicScalingOutSuspended"] is False
    policy = scaling(queue, "PutScalingPolicy", **tracking(5.0))["PolicyARN"]
    assert scaling(queue, "PutScalingPolicy", **tracking(7.0))["PolicyARN"] == policy
    [described_policy] = scaling(queue, "DescribeScalingPolicies", PolicyNames=["track"])["ScalingPolicies"]
    assert described_policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 7.0
    queue.start_again()
    scaling(queue, "DeregisterScalableTarget")
    assert scaling(queue, "DescribeScalingPolicies")["ScalingPolicies"] == []
    assert queue.service.autoscaling.call("DescribeScalableTargets", {"ServiceNamespace": "sagemaker"}) == {
        "ScalableTargets": []}
    for operation in ("DeregisterScalableTarget", "PutScalingPolicy", "DeleteScalingPolicy"):
        request = {"DeregisterScalableTarget": {}, "PutScalingPolicy": tracking(5.0),
                   "DeleteScalingPolicy": {"PolicyName": "track"}}[operation]
        with pytest.raises(ApiError) as missing:
            scaling(queue, operation, **request)
        assert missing.value.code == "ObjectNotFoundException"


@pytest.mark.parametrize(("request_", "rule"), [
    ({"MaxCapacity": 2}, "MinCapacity and MaxCapacity are required"),
    ({"MinCapacity": 3, "MaxCapacity": 2}, "must not be less"),
    ({"MinCapacity": 0, "MaxCapacity": 2}, "must be at least 1 for the realtime"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/absent/variant/all"}, "no such endpoint"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": f"endpoint/{ENDPOINT}/variant/other"}, "no such endpoint"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": ENDPOINT}, "must be endpoint/"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "ecs"}, "has sagemaker only"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "ecs:service:DesiredCount"}, "only"),
    ({"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "instances"}, "enum value set"),
], ids=["bounds", "order", "zero", "endpoint", "variant", "resource", "service", "dimension", "unknown-dimension"])
def test_impossible_target_is_refused(local: Local, request_: dict[str, Any], rule: str) -> None:
    known(local, instances(2))
    with pytest.raises(ApiError, match=rule):
        scaling(local, "RegisterScalableTarget", **request_)


def test_serverless_endpoint_has_nothing_to_scale(local: Local) -> None:
    known(local, SERVERLESS)
    with pytest.raises(ApiError, match="no instances"):
        scaling(local, "RegisterScalableTarget", MinCapacity=1, MaxCapacity=2)


@pytest.mark.parametrize(("policy", "rule"), [
    ({"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}, "TargetTrackingScalingPolicyConfiguration is req"),
    ({"PolicyName": "p"}, "StepScalingPolicyConfiguration is required"),
    (tracking(1.0, PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}), "only"),
    (tracking(0.0), "greater than 0"), (steps(), "StepAdjustments are required"),
    ({"PolicyName": "p", "PolicyType": "TargetTrackingScaling",
      "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}}, "exactly one"),
], ids=["tracking", "step", "predefined", "target", "no-steps", "no-metric"])
def test_impossible_policy_is_refused(local: Local, policy: dict[str, Any], rule: str) -> None:
    known(local, instances(1), AsyncInferenceConfig=ASYNC)
    scaling(local, "RegisterScalableTarget", MinCapacity=0, MaxCapacity=2)
    with pytest.raises(ApiError, match=rule):
        scaling(local, "PutScalingPolicy", **policy)


@pytest.mark.parametrize(("load", "wanted"), [
    (Load(1, backlog=0), 0), (Load(1, backlog=1), 1), (Load(1, backlog=5), 1), (Load(1, backlog=6), 2),
    (Load(2, backlog=23), 5), (Load(0, backlog=5), None), (Load(0, backlog=6), 2), (Load(0, backlog=0), None),
])
def test_target_tracking_wants_the_target_on_each_instance(load: Load, wanted: int | None) -> None:
    assert tracked(tracking(5.0), load) == wanted


def test_target_tracking_of_invocations_and_of_what_nobody_measures() -> None:
    invocations = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}
    assert tracked(tracking(10.0, **invocations), Load(1, invocations=31)) == 4
    cpu = {"CustomizedMetricSpecification": {**BACKLOG, "MetricName": "CPUUtilization"}}
    assert tracked(tracking(10.0, **cpu), Load(1, invocations=31)) is None


def alarm(policy_arn: str, metric: str = "HasBacklogWithoutCapacity", threshold: float = 1.0) -> dict[str, Any]:
    return {"MetricName": metric, "Threshold": threshold, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "AlarmActions": [policy_arn]}


@pytest.mark.parametrize(("policy", "alarms", "load", "wanted"), [
    (steps({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}), [alarm("p")], Load(0, backlog=1), 1),
    (steps({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}), [alarm("p")], Load(0, backlog=0), None),
    (steps({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}), [alarm("p")], Load(1, backlog=9), None),
    (steps({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}), [alarm("other")], Load(0, backlog=1), None),
    (steps({"ScalingAdjustment": 4}, kind="ExactCapacity"), [alarm("p")], Load(0, backlog=1), 4),
    (steps({"ScalingAdjustment": 50}, kind="PercentChangeInCapacity"),
     [alarm("p", "ApproximateBacklogSize")], Load(3, backlog=1), 5),
    (steps({"MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
           {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3}),
     [alarm("p", "ApproximateBacklogSize", 5.0)], Load(1, backlog=15), 4),
], ids=["backlog", "idle", "capacity", "other-policy", "exact", "percent", "second-step"])
def test_step_scaling_follows_the_alarm_that_names_it(
        policy: dict[str, Any], alarms: list[dict[str, Any]], load: Load, wanted: int | None) -> None:
    assert stepped({**policy, "PolicyARN": "p"}, load, alarms) == wanted


@pytest.mark.parametrize(("change", "expected"), [
    ({}, True), ({"Namespace": "Castline"}, False), ({"Dimensions": []}, False),
    ({"Dimensions": [{"Name": "EndpointName", "Value": "other"}]}, False),
    ({"Dimensions": [*BACKLOG["Dimensions"], {"Name": "VariantName", "Value": "all"}]}, False),
], ids=["own", "namespace", "none", "other", "variant"])
def test_only_metrics_of_the_own_queue_scale_an_endpoint(change: dict[str, Any], expected: bool) -> None:
    assert is_of(ENDPOINT, {**BACKLOG, **change}) is expected


def test_idle_queue_goes_to_zero_and_the_next_request_brings_it_back(queue: Local) -> None:
    """Given min 0 and both policies that AWS advises, when nothing is asked, then no server runs until a request."""
    scaling(queue, "RegisterScalableTarget", MinCapacity=0, MaxCapacity=2)
    scaling(queue, "PutScalingPolicy", **tracking(5.0, ScaleInCooldown=60))
    step = scaling(queue, "PutScalingPolicy", **steps({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}))
    queue.cloudwatch.put_metric_alarm(
        AlarmName="waiting", Namespace="AWS/SageMaker", MetricName="HasBacklogWithoutCapacity", Threshold=1, Period=60,
        EvaluationPeriods=2, Statistic="Average", ComparisonOperator="GreaterThanOrEqualToThreshold",
        Dimensions=BACKLOG["Dimensions"], AlarmActions=[step["PolicyARN"]])
    wait_until(lambda: count(queue) == 0)
    wait_until(lambda: list(queue.settings.children.iterdir()) == [])
    status, headers, _ = queue.service.async_requests.accept(ENDPOINT, {}, b"wake up")
    assert status == 202
    key = headers["X-Amzn-SageMaker-OutputLocation"].partition("castings/")[2]
    wait_until(lambda: queue.objects(key))
    assert queue.text(key) == "firstwake up"
    told = [(p.name, p.value) for p in queue.points]
    assert ("HasBacklogWithoutCapacity", 1.0) in told
    assert ("ApproximateBacklogSize", 1.0) in told
    wait_until(lambda: count(queue) == 0)


def test_backlog_within_the_target_does_not_wake_an_endpoint_by_target_tracking_alone(queue: Local) -> None:
    scaling(queue, "RegisterScalableTarget", MinCapacity=0, MaxCapacity=2)
    scaling(queue, "PutScalingPolicy", **tracking(1.0, ScaleInCooldown=60))
    wait_until(lambda: count(queue) == 0)
    queue.service.async_requests.accept(ENDPOINT, {}, b"one")
    wait_until(lambda: ("HasBacklogWithoutCapacity", 1.0) in [(p.name, p.value) for p in queue.points])
    assert count(queue) == 0
    queue.service.async_requests.accept(ENDPOINT, {}, b"two")
    wait_until(lambda: len(queue.objects("answers/")) == 2)


def test_real_time_endpoint_follows_its_invocations_within_its_bounds(realtime: Local) -> None:
    scaling(realtime, "RegisterScalableTarget", MinCapacity=1, MaxCapacity=3)
    predefined = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    scaling(realtime, "PutScalingPolicy", **tracking(2.0, PredefinedMetricSpecification=predefined, ScaleInCooldown=60))
    for _ in range(10):
        assert ask(realtime)[0] == 200
    wait_until(lambda: count(realtime) == 3)
    points = [p for p in realtime.points if p.name == "InvocationsPerInstance" and "EndpointConfigName" in p.dimensions]
    assert points[0].value == 0.5
    assert points[0].dimensions == {"EndpointName": ENDPOINT, "VariantName": "all", "EndpointConfigName": "first"}
    add(realtime, "larger", b"larger", instances(1, "ml.m5.xlarge"))
    settled(realtime)
    with pytest.raises(ApiError, match="deregister the scalable target"):
        update(realtime, "larger")
    assert described(realtime)["EndpointConfigName"] == "first"
