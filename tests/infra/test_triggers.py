"""What wakes the pipeline: the patterns are matched against events as AWS sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

BUCKET = "the-bucket"


def rules(synthesized: Any) -> dict[str, dict[str, Any]]:
    """Description -> properties of each rule."""
    resources = synthesized.of_type("pipeline", "AWS::Events::Rule").values()
    return {r["Properties"]["Description"]: r["Properties"] for r in resources}


def matching(synthesized: Any, event: dict[str, Any]) -> list[str]:
    """Descriptions of the rules that an event wakes."""
    found = []
    for description, rule in rules(synthesized).items():
        if "EventPattern" not in rule:
            continue
        pattern = json.dumps(rule["EventPattern"])
        bucket = json.dumps(rule["EventPattern"].get("detail", {}).get("bucket", {}).get("name", [None])[0])
        machine = json.dumps(rule["EventPattern"].get("detail", {}).get("stateMachineArn", [None])[0])
        pattern = pattern.replace(bucket, json.dumps(BUCKET)) if bucket != "null" else pattern
        pattern = pattern.replace(machine, '"the-machine"') if machine != "null" else pattern
        if EventPattern.load(pattern).matches_event(event):
            found.append(description)
    return found


def event(source: str, detail_type: str, **detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "1",
        "account": "123456789012",
        "region": "eu-west-1",
        "resources": [],
        "time": "2026-11-21T06:00:00Z",
        "source": source,
        "detail-type": detail_type,
        "detail": detail,
    }


def upload(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    return event("aws.s3", "Object Created", bucket={"name": bucket}, object={"key": key, "size": 1})


def training(name: str, status: str) -> dict[str, Any]:
    kind = "SageMaker Training Job State Change"
    return event("aws.sagemaker", kind, TrainingJobName=name, TrainingJobStatus=status)


def execution(status: str, machine: str = "the-machine") -> dict[str, Any]:
    return event("aws.states", "Step Functions Execution Status Change", stateMachineArn=machine, status=status)


@pytest.mark.parametrize(
    ("given", "woken"),
    [
        (upload("inbox/cast_1.png"), ["An object was created in the inbox"]),
        (upload("inbox/_READY"), ["An object was created in the inbox"]),
        (upload("runs/r/snapshot/manifest.jsonl"), []),
        (upload("inbox/cast_1.png", bucket="another"), []),
        (
            training("castline-dev-20261121-060000-abcdef-train-1", "Completed"),
            ["SageMaker Training Job State Change -> resolve"],
        ),
        (
            training("castline-dev-20261121-060000-abcdef-train-1", "Stopped"),
            ["SageMaker Training Job State Change -> resolve"],
        ),
        (training("castline-dev-20261121-060000-abcdef-train-1", "InProgress"), []),
        (training("castline-prod-20261121-060000-abcdef-train-1", "Completed"), []),
        (training("castline-development-1", "Completed"), []),
        (
            event(
                "aws.sagemaker",
                "SageMaker Processing Job State Change",
                ProcessingJobName="castline-dev-r-prepare-1",
                ProcessingJobStatus="Failed",
            ),
            ["SageMaker Processing Job State Change -> resolve"],
        ),
        (
            event(
                "aws.sagemaker",
                "SageMaker Endpoint State Change",
                EndpointName="castline-dev",
                EndpointStatus="IN_SERVICE",
            ),
            ["SageMaker Endpoint State Change -> resolve"],
        ),
        (
            event(
                "aws.sagemaker",
                "SageMaker Endpoint State Change",
                EndpointName="castline-dev2",
                EndpointStatus="IN_SERVICE",
            ),
            [],
        ),
        (
            event(
                "aws.sagemaker",
                "SageMaker Model Package State Change",
                ModelPackageGroupName="castline-dev",
                ModelApprovalStatus="Approved",
            ),
            ["SageMaker Model Package State Change -> resolve"],
        ),
        (
            event(
                "aws.sagemaker",
                "SageMaker Model Package State Change",
                ModelPackageGroupName="castline-dev",
                ModelApprovalStatus="PendingManualApproval",
            ),
            [],
        ),
        (execution("ABORTED"), ["Step Functions Execution Status Change -> fail_run"]),
        (execution("TIMED_OUT"), ["Step Functions Execution Status Change -> fail_run"]),
        (execution("FAILED"), ["Step Functions Execution Status Change -> fail_run"]),
        (execution("SUCCEEDED"), []),
        (execution("FAILED", machine="another"), []),
    ],
)
def test_an_event_wakes_what_it_concerns_and_nothing_else(dev: Any, given: Any, woken: list[str]) -> None:
    assert matching(dev, given) == woken


def test_the_rules_name_the_real_bucket_and_the_real_machine(dev: Any) -> None:
    by_name = rules(dev)
    bucket = by_name["An object was created in the inbox"]["EventPattern"]["detail"]["bucket"]["name"][0]
    assert "Bucket" in bucket["Fn::ImportValue"]
    machine = by_name["Step Functions Execution Status Change -> fail_run"]["EventPattern"]["detail"]
    assert machine["stateMachineArn"][0]["Fn::Join"][1][-1] == ":stateMachine:castline-dev-pipeline"


def test_every_target_of_every_rule_has_a_dead_letter_queue_and_bounded_retries(dev: Any) -> None:
    targets = [target for rule in rules(dev).values() for target in rule["Targets"]]
    assert len(targets) == 8
    queues = dev.of_type("pipeline", "AWS::SQS::Queue")
    for target in targets:
        queue = queues[target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]]
        assert queue["Properties"]["QueueName"].endswith("-dead-letters")
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 8}


@pytest.mark.parametrize(
    ("environment", "gate", "reconcile"),
    [("dev", "rate(15 minutes)", "rate(10 minutes)"), ("local", "rate(1 minute)", "rate(1 minute)")],
)
def test_the_clocks_follow_the_settings(
    request: pytest.FixtureRequest, environment: str, gate: str, reconcile: str
) -> None:
    by_name = rules(request.getfixturevalue(environment))
    assert by_name["Wakes gate even when no event arrives"]["ScheduleExpression"] == gate
    assert by_name["Wakes reconcile even when no event arrives"]["ScheduleExpression"] == reconcile


def test_uploads_of_one_window_wake_the_gate_once(dev: Any, local: Any) -> None:
    mapping = dev.only("pipeline", "AWS::Lambda::EventSourceMapping")["Properties"]
    assert mapping["MaximumBatchingWindowInSeconds"] == 300
    assert mapping["BatchSize"] == 1000
    at_once = local.only("pipeline", "AWS::Lambda::EventSourceMapping")["Properties"]
    assert "MaximumBatchingWindowInSeconds" not in at_once


def test_the_inbox_queue_waits_for_the_gate_and_gives_up_into_dead_letters(dev: Any) -> None:
    queue = dev.named("pipeline", "AWS::SQS::Queue", "QueueName", "castline-dev-inbox")
    gate = dev.named("pipeline", "AWS::Lambda::Function", "FunctionName", "castline-dev-gate")
    assert queue["VisibilityTimeout"] >= 6 * gate["Timeout"] + 300
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert dev.templates["pipeline"]["Resources"][dead]["Properties"]["QueueName"].endswith("dead-letters")
