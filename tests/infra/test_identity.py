"""Who may do what: exact actions, exact resources, and a list of every exception."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.grants import Grant
from infra.permissions import PERMISSIONS

# Actions whose API takes no resource at all, or none before the thing exists. Anything else on "*" is a mistake.
ALLOWED_ON_EVERYTHING = {
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policy_of(synthesized: Any, part_of_id: str) -> list[dict[str, Any]]:
    """Statements of the one policy whose logical id contains the text."""
    policies = {key: [] for key, _ in synthesized.statements() if part_of_id in key}
    for key, statement in synthesized.statements():
        if key in policies:
            policies[key].append(statement)
    (statements,) = policies.values()
    return statements


def test_no_role_has_a_managed_policy(dev: Any) -> None:
    roles = [r["Properties"] for _, _, r in dev.everything() if r["Type"] == "AWS::IAM::Role"]
    assert len(roles) == len(PERMISSIONS) + 7  # three jobs, two kinds of endpoint, the state machine, the image
    assert not [role for role in roles if role.get("ManagedPolicyArns")]


def test_no_action_is_a_wildcard(dev: Any) -> None:
    actions = {action for _, statement in dev.statements() for action in as_list(statement["Action"])}
    assert not {action for action in actions if "*" in action}
    assert {"s3:GetObject", "sagemaker:CreateTrainingJob", "iam:PassRole"} <= actions


def test_every_resource_is_named_but_where_the_api_takes_none(dev: Any) -> None:
    on_everything = {
        action
        for _, statement in dev.statements()
        if "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert on_everything == ALLOWED_ON_EVERYTHING


def test_every_function_has_a_role_of_its_own(dev: Any) -> None:
    functions = dev.of_type("pipeline", "AWS::Lambda::Function").values()
    roles = [json.dumps(function["Properties"]["Role"]) for function in functions]
    assert len(roles) == len(set(roles)) == len(PERMISSIONS)


def test_roles_are_passed_to_sagemaker_only_and_by_the_starters_only(dev: Any) -> None:
    passing = {key: statement for key, statement in dev.statements() if "iam:PassRole" in as_list(statement["Action"])}
    starters = {"StartPrepare": "RolesPrepare", "StartTraining": "RolesTraining", "FunctionsMove": "RolesServing",
                "StartEvaluation": "RolesEvaluation", "Publish": "RolesServing"}
    assert len(passing) == len(starters)
    assert all(any(starter in key for key in passing) for starter in starters)
    for key, statement in passing.items():
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        (role,) = as_list(statement["Resource"])
        (expected,) = (whose for starter, whose in starters.items() if starter in key)
        assert role["Fn::GetAtt"][0].startswith(expected)


def test_sagemaker_actions_stay_within_the_environment(dev: Any) -> None:
    for _, statement in dev.statements():
        if any(action.startswith("sagemaker:") for action in as_list(statement["Action"])):
            for resource in as_list(statement["Resource"]):
                name = resource["Fn::Join"][1][-1]
                assert "/castline-dev" in name, resource


@pytest.mark.parametrize(("job", "expected"), [
    ("Prepare", {"s3:GetObject": {"/inbox/*", "/dataset/*", "/runs/*"},
                 "s3:PutObject": {"/dataset/*", "/runs/*", "/quarantine/*"}}),
    ("Training", {"s3:GetObject": {"/dataset/*", "/runs/*"}, "s3:PutObject": {"/runs/*"},
                  "s3:DeleteObject": {"/runs/*/checkpoints/*"}}),
    ("Evaluation", {"s3:GetObject": {"/dataset/*", "/runs/*"}, "s3:PutObject": {"/runs/*"}}),
])
def test_a_job_touches_the_objects_of_its_step_only(dev: Any, job: str, expected: dict[str, set[str]]) -> None:
    """Given the role of a job, then prepare alone reads uploads and writes data, and no job moves the champion."""
    touched: dict[str, set[str]] = {}
    for statement in policy_of(dev, f"Roles{job}"):
        for action in as_list(statement["Action"]):
            if action in {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}:
                touched.setdefault(action, set()).update(
                    resource["Fn::Join"][1][-1] for resource in as_list(statement["Resource"])
                )
    assert touched == expected


def test_the_endpoint_reads_models_and_writes_nothing(dev: Any) -> None:
    actions = {a for s in policy_of(dev, "RolesServing") for a in as_list(s["Action"]) if a.startswith("s3:")}
    assert actions == {"s3:GetObject"}


def test_the_role_of_the_endpoint_outlives_the_stack(dev: Any) -> None:
    roles = dev.of_type("pipeline", "AWS::IAM::Role")
    of_endpoint = [role for key, role in roles.items() if key.startswith(("RolesServing", "RolesMachines"))]
    assert [role["DeletionPolicy"] for role in of_endpoint] == ["Retain", "Retain"]


def test_only_the_commit_deletes_uploads_and_moves_the_champion(dev: Any) -> None:
    def may(action: str, ending: str) -> set[str]:
        return {
            key
            for key, statement in dev.statements()
            if action in as_list(statement["Action"])
            and any(json.dumps(r).find(ending) >= 0 for r in as_list(statement["Resource"]))
        }

    (deleter,) = may("s3:DeleteObjectVersion", "/inbox/*")
    assert "Commit" in deleter
    movers = sorted(may("s3:PutObject", "/champion.json"))
    # The second one says on which configuration the same champion serves.
    assert ["Commit" in movers[0], "Move" in movers[1], len(movers)] == [True, True, 2]


def test_a_wildcard_without_a_reason_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="say in why_wildcard why no narrower resource will do"):
        Grant(actions=("s3:GetObject",), resources=("arn:aws:s3:::bucket/*",))


def test_a_wildcard_action_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="name each action"):
        Grant(actions=("s3:*",), resources=("arn:aws:s3:::bucket/key",))
