"""RegisterScalableTarget, PutScalingPolicy, and the alarm that brings the first machine."""

from __future__ import annotations

from app.contracts import names
from lambdas.environment import Environment
from lambdas.requests.common import Request
from lambdas.requests.serving import VARIANT

FROM_ZERO = "from-zero"
MINUTE = 60
BACKLOG_MINUTES = 2
"""As many as AWS waits in its own examples of asynchronous inference."""


def variant(environment: Environment) -> Request:
    """What scales: the instances of the endpoint's one variant."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{environment.endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def target(environment: Environment) -> Request:
    """Build RegisterScalableTarget."""
    settings = environment.settings.serving
    return {**variant(environment), "MinCapacity": settings.min_instances, "MaxCapacity": settings.max_instances}


def tracking(environment: Environment) -> Request:
    """Build PutScalingPolicy of the work that each machine is to have."""
    settings = environment.settings.serving
    scaling = settings.scaling
    tracked: Request = {
        "TargetValue": float(scaling.invocations_per_instance),
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    if settings.mode == "async":  # which publishes no invocations, but a backlog
        tracked = {
            "TargetValue": float(scaling.backlog_per_instance),
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": _dimensions(environment),
                "Statistic": "Average",
            },
        }
    cooldowns = {"ScaleOutCooldown": scaling.scale_out_seconds, "ScaleInCooldown": scaling.scale_in_seconds}
    return {
        **variant(environment),
        "PolicyName": "backlog" if settings.mode == "async" else "invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {**tracked, **cooldowns},
    }


def from_zero(environment: Environment) -> Request:
    """Build PutScalingPolicy of the first machine: without one there is no backlog for each, so nothing to track."""
    return {
        **variant(environment),
        "PolicyName": FROM_ZERO,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": environment.settings.serving.scaling.scale_out_seconds,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    }


def from_zero_alarm(environment: Environment, policy_arn: str) -> Request:
    """Build PutMetricAlarm: images wait and there is no machine."""
    return {
        "AlarmName": names.scale_from_zero_alarm(environment.name),
        "AlarmDescription": "Images wait and there is no machine: one is started. Nothing to do.",
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": _dimensions(environment),
        "Statistic": "Average",
        "Period": MINUTE,
        "EvaluationPeriods": BACKLOG_MINUTES,
        "DatapointsToAlarm": BACKLOG_MINUTES,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "AlarmActions": [policy_arn],
    }


def _dimensions(environment: Environment) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": environment.endpoint}]
