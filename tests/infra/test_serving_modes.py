"""What the stacks are like when the endpoint has machines."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from app.contracts import keys, names
from tests.infra.test_identity import as_list, policy_of
from tests.infra.test_operations import dashboard
from tests.infra.test_permissions import ENDPOINT, arn, s3, spelled

WRITES = ("s3:PutObject", "s3:AbortMultipartUpload")
ANSWER, CAPTURE, PROOF = (s3(f"{prefix}x") for prefix in (
    keys.SERVING_ANSWERS, keys.SERVING_CAPTURES, keys.SERVING_PROOFS))  # fmt: skip
TARGET = arn("application-autoscaling", "scalable-target/0a1b")
TRIAL = arn("sagemaker", "endpoint/castline-dev-trial")
OWN_ALARM = arn("cloudwatch", f"alarm:{names.scale_from_zero_alarm('dev')}")
TRACKING_ALARM = arn("cloudwatch", "alarm:TargetTracking-endpoint/castline-dev/variant/AllTraffic-AlarmHigh-0a1b")
ROLLOUT_ALARM = arn("cloudwatch", f"alarm:{names.rollout_alarms('dev')[0]}")


def allowed(synthesized: Any, role: str, action: str, resource: str) -> bool:
    return any(
        action in as_list(statement["Action"])
        and any(fnmatch.fnmatchcase(resource, spelled(r)) for r in as_list(statement["Resource"]))
        for statement in policy_of(synthesized, role)
    )


def function(handler: str) -> str:
    return f"Functions{handler.title().replace('_', '')}RoleStatements"


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("RolesMachines", "s3:PutObject", CAPTURE),
        ("RolesMachines", "s3:GetObject", s3(f"{keys.SERVING_REQUESTS}x")),
        ("RolesMachines", "ec2:CreateNetworkInterface", "*"),
        ("RolesMachines", "cloudwatch:DescribeAlarms", ROLLOUT_ALARM),
        (function("publish"), "cloudwatch:DescribeAlarms", ROLLOUT_ALARM),
        (function("publish"), "application-autoscaling:DeregisterScalableTarget", TARGET),
        (function("verify"), "application-autoscaling:RegisterScalableTarget", TARGET),
        (function("verify"), "cloudwatch:PutMetricAlarm", TRACKING_ALARM),
        (function("verify"), "sagemaker:InvokeEndpoint", ENDPOINT),
        (function("restore"), "application-autoscaling:PutScalingPolicy", TARGET),
        (function("reconcile"), "application-autoscaling:PutScalingPolicy", TARGET),
        (function("bake"), "sagemaker:InvokeEndpoint", ENDPOINT),
        (function("move"), "sagemaker:CreateEndpoint", TRIAL),
        (function("move"), "sagemaker:DeleteEndpoint", TRIAL),
        (function("move"), "sagemaker:InvokeEndpoint", TRIAL),
        (function("move"), "sagemaker:DescribeModel", arn("sagemaker", "model/castline-dev-x")),
        (function("move"), "s3:PutObject", s3(keys.CHAMPION)),
        (function("publish"), "lambda:InvokeFunction", arn("lambda", "function:castline-dev-move")),
        (function("reconcile"), "lambda:InvokeFunction", arn("lambda", "function:castline-dev-move")),
    ],
)
def test_given_realtime_then_a_role_may_do_its_work(realtime: Any, role: str, action: str, resource: str) -> None:
    assert allowed(realtime, role, action, resource)


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("RolesMachines", "s3:PutObject", s3(keys.CHAMPION)),
        ("RolesMachines", "s3:PutObject", s3(keys.run("r", "model.tar.gz"))),
        ("RolesMachines", "s3:GetObject", s3(f"{keys.INBOX}x")),
        ("RolesServing", "s3:PutObject", CAPTURE),
        ("RolesServing", "ec2:CreateNetworkInterface", "*"),
        (function("publish"), "application-autoscaling:RegisterScalableTarget", TARGET),
        (function("verify"), "cloudwatch:PutMetricAlarm", ROLLOUT_ALARM),
        (function("verify"), "s3:PutObject", PROOF),
        (function("bake"), "sagemaker:UpdateEndpoint", ENDPOINT),
        (function("move"), "s3:PutObject", s3(keys.DATASET_HEAD)),
        (function("publish"), "sagemaker:CreateEndpoint", TRIAL),
        (function("reconcile"), "s3:PutObject", s3(keys.CHAMPION)),
    ],
)
def test_given_realtime_then_a_role_may_not_do_the_work_of_others(
    realtime: Any, role: str, action: str, resource: str
) -> None:
    assert not allowed(realtime, role, action, resource)


def test_given_async_then_answers_are_written_by_the_endpoint_and_awaited_by_verify(asynchronous: Any) -> None:
    for action in WRITES:
        assert allowed(asynchronous, "RolesMachines", action, ANSWER)
        assert not allowed(asynchronous, function("verify"), action, ANSWER)
    assert allowed(asynchronous, function("verify"), "s3:GetObject", ANSWER)
    assert allowed(asynchronous, function("verify"), "s3:PutObject", PROOF)
    assert allowed(asynchronous, function("verify"), "cloudwatch:PutMetricAlarm", OWN_ALARM)
    assert allowed(asynchronous, function("verify"), "sagemaker:InvokeEndpointAsync", ENDPOINT)
    assert not allowed(asynchronous, function("verify"), "sagemaker:InvokeEndpoint", ENDPOINT)


def test_given_serverless_then_no_function_scales_anything(dev: Any) -> None:
    registers = [key for key, s in dev.statements() if "application-autoscaling:RegisterScalableTarget" in s["Action"]]
    assert registers == []


def test_scaling_permissions_are_for_endpoints_only(realtime: Any) -> None:
    found = [s for _, s in realtime.statements() if "application-autoscaling:DeregisterScalableTarget" in s["Action"]]
    assert found
    condition = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
    assert all(statement["Condition"] == condition for statement in found)


@pytest.mark.parametrize(("mode", "role"), [("dev", "RolesServing"), ("realtime", "RolesMachines")])
def test_each_mode_passes_its_own_role(mode: str, role: str, request: pytest.FixtureRequest) -> None:
    synthesized = request.getfixturevalue(mode)
    passing = [s["Resource"] for s in policy_of(synthesized, function("publish")) if "iam:PassRole" in s["Action"]]
    assert [resource["Fn::GetAtt"][0][: len(role)] for resource in passing] == [role]
    functions = synthesized.of_type("pipeline", "AWS::Lambda::Function").values()
    told = {
        f["Properties"]["Environment"]["Variables"]["CASTLINE_SERVING_ROLE_ARN"]["Fn::GetAtt"][0] for f in functions
    }
    assert [name[: len(role)] for name in told] == [role]


def alarms(synthesized: Any) -> dict[str, Any]:
    found = synthesized.of_type("operations", "AWS::CloudWatch::Alarm").values()
    return {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in found}


def test_given_machines_then_two_alarms_watch_each_minute_of_an_update_and_ring_for_nobody(realtime: Any) -> None:
    errors, slow = (alarms(realtime)[name] for name in names.rollout_alarms("dev"))
    assert (errors["MetricName"], errors["Period"], errors["Threshold"]) == ("Invocation5XXErrors", 60, 1)
    assert (slow["MetricName"], slow["Statistic"], slow["Threshold"]) == ("ModelLatency", "Average", 20_000_000)
    assert slow["EvaluationPeriods"] * slow["Period"] <= 120
    for alarm in (errors, slow):
        assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
            "EndpointName": "castline-dev", "VariantName": "AllTraffic"
        }  # fmt: skip
        assert "AlarmActions" not in alarm
        assert alarm["TreatMissingData"] == "notBreaching"


def test_given_serverless_or_no_bake_then_nobody_watches_updates(dev: Any) -> None:
    assert not set(names.rollout_alarms("dev")) & set(alarms(dev))


def clocks(synthesized: Any) -> dict[str, str]:
    """Logical id -> how often."""
    rules = synthesized.of_type("pipeline", "AWS::Events::Rule").items()
    return {key: r["Properties"]["ScheduleExpression"] for key, r in rules if "ScheduleExpression" in r["Properties"]}


def test_given_machines_then_golden_images_are_sent_each_minute_of_an_update(dev: Any, realtime: Any) -> None:
    (bake,) = (rate for key, rate in clocks(realtime).items() if "BakeClock" in key)
    assert bake == "rate(1 minute)"
    assert not [key for key in clocks(dev) if "BakeClock" in key]


def test_given_async_then_images_that_wait_too_long_raise_an_alarm(asynchronous: Any) -> None:
    alarm = alarms(asynchronous)["castline-dev-endpoint-waiting"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("ApproximateAgeOfOldestRequest", "Maximum")
    assert alarm["Threshold"] == 1800
    assert [d["Name"] for d in alarm["Dimensions"]] == ["EndpointName"]
    assert alarm["AlarmActions"]


def test_given_days_to_keep_then_the_bucket_forgets_what_was_asked_and_answered(asynchronous: Any) -> None:
    buckets = asynchronous.of_type("data", "AWS::S3::Bucket").values()
    rules = [rule for b in buckets for rule in b["Properties"]["LifecycleConfiguration"]["Rules"]]
    (rule,) = (rule for rule in rules if rule.get("Prefix") == keys.SERVING)
    assert (rule["ExpirationInDays"], rule["Status"]) == (7, "Enabled")
    # Nothing else expires by its age: images, labels and models stay.
    assert [r.get("Prefix") for r in rules if "ExpirationInDays" in r and r is not rule] == [None]


@pytest.mark.parametrize(("mode", "metric"), [("realtime", "Invocations"), ("asynchronous", "ApproximateBacklogSize")])
def test_the_dashboard_shows_what_the_endpoint_has_to_do(
    mode: str, metric: str, request: pytest.FixtureRequest
) -> None:
    (widget,) = (w["properties"] for w in dashboard(request.getfixturevalue(mode))
                 if "the endpoint, and errors" in w["properties"].get("title", ""))  # fmt: skip
    assert widget["metrics"][0][1] == metric
