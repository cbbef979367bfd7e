"""Which actions on which resources a call of SageMaker takes."""

from __future__ import annotations

from typing import Any

import pytest

from app.embedded.sagemaker import authorization
from app.embedded.sagemaker.service import RESOURCES
from app.embedded.strict.steps import Step

HERE = "arn:aws:sagemaker:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/jobs"
REPOSITORY = "arn:aws:ecr:us-east-1:000000000000:repository/castline"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/castline@sha256:0f"


def asked(operation: str, **request: Any) -> list[tuple[str, str]]:
    return [(step.action, step.resource) for step in authorization.steps(operation, request, RESOURCES)]


@pytest.mark.parametrize(("operation", "request_", "expected"), [
    ("CreateTrainingJob", {"TrainingJobName": "job", "RoleArn": ROLE, "Tags": [{"Key": "a", "Value": "b"}]},
     [("sagemaker:CreateTrainingJob", f"{HERE}:training-job/job"), ("sagemaker:AddTags", f"{HERE}:training-job/job"),
      ("iam:PassRole", ROLE)]),
    ("CreateModel", {"ModelName": "m", "ExecutionRoleArn": ROLE},
     [("sagemaker:CreateModel", f"{HERE}:model/m"), ("iam:PassRole", ROLE)]),
    ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"},
     [("sagemaker:UpdateEndpoint", f"{HERE}:endpoint-config/c"), ("sagemaker:UpdateEndpoint", f"{HERE}:endpoint/e")]),
    ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e", "DesiredWeightsAndCapacities": []},
     [("sagemaker:UpdateEndpointWeightsAndCapacities", f"{HERE}:endpoint/e")]),
    ("CreateModelPackage", {"ModelPackageGroupName": f"{HERE}:model-package-group/g"},
     [("sagemaker:CreateModelPackage", f"{HERE}:model-package/g/*"),
      ("sagemaker:CreateModelPackage", f"{HERE}:model-package-group/g")]),
    ("UpdateModelPackage", {"ModelPackageArn": f"{HERE}:model-package/g/7"},
     [("sagemaker:UpdateModelPackage", f"{HERE}:model-package/g/7")]),
    ("ListModelPackages", {"ModelPackageGroupName": "g"},
     [("sagemaker:ListModelPackages", f"{HERE}:model-package-group/g")]),
    ("ListTrainingJobs", {"NameContains": "x"}, [("sagemaker:ListTrainingJobs", "*")]),
    ("StopProcessingJob", {"ProcessingJobName": "p"}, [("sagemaker:StopProcessingJob", f"{HERE}:processing-job/p")]),
    ("AddTags", {"ResourceArn": f"{HERE}:endpoint/e", "Tags": []}, [("sagemaker:AddTags", f"{HERE}:endpoint/e")]),
    ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"},
     [("sagemaker:UpdateEndpointWeightsAndCapacities", f"{HERE}:endpoint/e")]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_call_takes_its_actions_on_its_resources(
        operation: str, request_: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert asked(operation, **request_) == expected


def test_a_role_is_passed_to_sagemaker_and_policies_see_network_and_tags() -> None:
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    request = {"TrainingJobName": "job", "RoleArn": ROLE, "VpcConfig": vpc, "EnableNetworkIsolation": True,
               "Tags": [{"Key": "project", "Value": "castline"}]}
    create, _, pass_role = authorization.steps("CreateTrainingJob", request, RESOURCES)
    assert pass_role == Step("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})
    assert create.context == {
        "sagemaker:NetworkIsolation": "true", "sagemaker:VpcSubnets": ["subnet-1"],
        "sagemaker:VpcSecurityGroupIds": ["sg-1"], "aws:TagKeys": ["project"], "aws:RequestTag/project": "castline"}


def test_under_the_role_of_a_job_sagemaker_pulls_joins_the_network_and_mounts() -> None:
    channel = {"ChannelName": "data", "DataSource": {"FileSystemDataSource": {"FileSystemId": "fs-1"}}}
    record = {"AlgorithmSpecification": {"TrainingImage": IMAGE}, "InputDataConfig": [channel]}
    plain = {(step.action, step.resource) for step in authorization.duties(record)}
    networked = {step.action for step in authorization.duties({**record, "VpcConfig": {"Subnets": []}})}
    assert ("ecr:BatchGetImage", REPOSITORY) in plain
    file_system = "arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-1"
    assert ("elasticfilesystem:DescribeMountTargets", file_system) in plain
    assert not any(action.startswith("ec2:") for action, _ in plain)
    assert "ec2:CreateNetworkInterface" in networked


VARIANT = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/e/variant/all",
           "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
TARGETS = "arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/*"


@pytest.mark.parametrize(("operation", "more", "expected"), [
    ("RegisterScalableTarget", {}, [
        ("application-autoscaling:RegisterScalableTarget", TARGETS),
        ("sagemaker:DescribeEndpoint", f"{HERE}:endpoint/e"),
        ("sagemaker:UpdateEndpointWeightsAndCapacities", f"{HERE}:endpoint/e")]),
    ("PutScalingPolicy", {"PolicyType": "TargetTrackingScaling"}, [
        ("application-autoscaling:PutScalingPolicy", TARGETS),
        ("cloudwatch:PutMetricAlarm",
         "arn:aws:cloudwatch:us-east-1:000000000000:alarm:TargetTracking-endpoint/e/variant/all-AlarmHigh")]),
    ("PutScalingPolicy", {"PolicyType": "StepScaling"}, [("application-autoscaling:PutScalingPolicy", TARGETS)]),
    ("DescribeScalableTargets", {}, [("application-autoscaling:DescribeScalableTargets", "*")]),
], ids=["register", "track", "step", "describe"])
def test_scaling_takes_what_auto_scaling_does_for_its_caller(
        operation: str, more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    steps = list(authorization.scaling(operation, {**VARIANT, **more}))
    assert [(step.action, step.resource) for step in steps] == expected
    assert steps[0].context["application-autoscaling:service-namespace"] == "sagemaker"


def test_alarms_of_a_deployment_are_looked_at_as_the_role_of_the_model() -> None:
    assert list(authorization.watching(["errors"])) == [
        Step("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors")]
