"""The endpoint scales once it serves, and is let go before it changes to other machines."""

from __future__ import annotations

import dataclasses

import pytest

from app.contracts import keys
from app.contracts.settings import ScalingSettings, ServingSettings
from lambdas.aws import endpoint, scaling
from lambdas.environment import current
from lambdas.errors import EndpointBusyError
from lambdas.requests import serving
from tests.lambdas.builders import CHAMPION, NEW, OLD, OLD_RUN_ID, RUN_ID, SETTINGS
from tests.lambdas.conftest import Aws
from tests.lambdas.fakes import client_error

ALARM = "castline-dev-scale-from-zero"


def serve(aws: Aws, settings: ServingSettings) -> None:
    aws.configure(dataclasses.replace(SETTINGS, serving=settings))


def apply() -> None:
    scaling.apply(current(), serving.name(current(), RUN_ID))


REALTIME = ServingSettings(mode="realtime", scaling=ScalingSettings(max_instances=3, invocations_per_instance=40))
ASYNC = ServingSettings(mode="async", scaling=ScalingSettings(max_instances=2, backlog_per_instance=7))


def test_given_realtime_when_it_serves_then_its_machines_follow_the_invocations(aws: Aws) -> None:
    serve(aws, REALTIME)
    apply()
    apply()
    assert aws.autoscaling.target == {
        "ServiceNamespace": "sagemaker", "ResourceId": "endpoint/castline-dev/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "MinCapacity": 1, "MaxCapacity": 3,
    }  # fmt: skip
    [policy] = aws.autoscaling.policies.values()
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 40.0
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    assert (tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (60, 600)
    assert aws.cloudwatch.alarms == {}


def test_given_async_when_it_serves_then_an_alarm_brings_the_first_machine_and_the_backlog_more(aws: Aws) -> None:
    serve(aws, ASYNC)
    apply()
    assert aws.autoscaling.target is not None
    assert (aws.autoscaling.target["MinCapacity"], aws.autoscaling.target["MaxCapacity"]) == (0, 2)
    tracking = aws.autoscaling.policies["backlog"]["TargetTrackingScalingPolicyConfiguration"]
    metric = tracking["CustomizedMetricSpecification"]
    assert (tracking["TargetValue"], metric["MetricName"]) == (7.0, "ApproximateBacklogSizePerInstance")
    assert metric["Dimensions"] == [{"Name": "EndpointName", "Value": "castline-dev"}]
    step = aws.autoscaling.policies["from-zero"]["StepScalingPolicyConfiguration"]
    assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    alarm = aws.cloudwatch.alarms[ALARM]
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["AlarmActions"] == ["arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:0a1b:from-zero"]


def test_given_one_number_of_machines_then_nothing_scales_and_what_did_is_let_go(aws: Aws) -> None:
    serve(aws, ASYNC)
    apply()
    serve(aws, dataclasses.replace(ASYNC, scaling=ScalingSettings(min_instances=1)))
    apply()
    assert aws.autoscaling.target is None
    assert aws.cloudwatch.alarms == {}
    apply()  # nothing is registered any more, and that is well


def test_given_serverless_then_nobody_is_asked_to_scale(aws: Aws) -> None:
    apply()
    assert aws.autoscaling.calls == aws.cloudwatch.calls == []


def test_given_a_configuration_of_another_shape_then_it_is_left_as_it_is(aws: Aws) -> None:
    serve(aws, REALTIME)
    scaling.apply(current(), OLD)
    assert aws.autoscaling.calls == []


def test_given_a_refusal_when_released_then_it_is_not_hidden(aws: Aws) -> None:
    aws.autoscaling.errors["deregister_scalable_target"] = [client_error("AccessDeniedException", "no")]
    with pytest.raises(Exception, match="AccessDenied"):
        scaling.release(current())


@pytest.mark.parametrize(("instance_type", "released"), [("ml.g5.xlarge", True), ("ml.m5.xlarge", False)])
def test_given_machines_that_scale_when_others_are_asked_for_then_they_are_let_go_first(
    aws: Aws, instance_type: str, released: bool
) -> None:
    serve(aws, REALTIME)
    apply()
    old = serving.name(current(), OLD_RUN_ID)
    aws.sagemaker.serve(old, mode="realtime")
    serve(aws, dataclasses.replace(REALTIME, instance_type=instance_type))
    new = serving.name(current(), RUN_ID)
    seen = []
    aws.sagemaker.watch = lambda operation, _: seen.append((operation, aws.autoscaling.target is None))
    endpoint.ask_for(current(), new, RUN_ID)
    assert ("update_endpoint", released) in seen
    [update] = aws.sagemaker.requests("update_endpoint")
    assert update.get("RetainAllVariantProperties", False) is not released


def test_given_an_alarm_on_the_bad_model_when_the_champion_comes_back_then_no_alarm_is_asked(aws: Aws) -> None:
    serve(aws, REALTIME)
    champion = serving.name(current(), OLD_RUN_ID)
    aws.put(keys.CHAMPION, dataclasses.replace(CHAMPION, endpoint_config=champion))
    aws.sagemaker.serve(serving.name(current(), RUN_ID), mode="realtime")
    with pytest.raises(EndpointBusyError, match="goes back"):
        endpoint.follow_champion(current())
    [update] = aws.sagemaker.requests("update_endpoint")
    assert "AutoRollbackConfiguration" not in update["DeploymentConfig"]


def test_given_serverless_models_when_published_then_nothing_was_registered_to_let_go(aws: Aws) -> None:
    aws.sagemaker.serve(OLD)
    endpoint.ask_for(current(), NEW, RUN_ID)
    assert aws.autoscaling.calls == []
