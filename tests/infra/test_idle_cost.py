"""The idle cost of the real stacks: nothing that costs is overlooked."""

from __future__ import annotations

from typing import Any

import pytest

from app.idle_cost import of_assembly, total

COUNTED_OR_FREE = {
    # Counted
    "AWS::KMS::Key", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Events::Rule",
    "AWS::EC2::VPCEndpoint", "AWS::S3::Bucket", "AWS::EFS::FileSystem", "AWS::ECR::Repository",
    # Costs when it is used, or by what lies in it: cents
    "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine", "AWS::DynamoDB::Table", "AWS::SQS::Queue",
    "AWS::SNS::Topic", "AWS::Logs::LogGroup", "AWS::CodeBuild::Project",
    # Never costs
    "AWS::CDK::Metadata", "AWS::CloudFormation::Stack", "AWS::EC2::Route", "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EFS::AccessPoint", "AWS::EFS::MountTarget",
    "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias",
    "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy", "AWS::SageMaker::ModelPackageGroup",
}  # fmt: skip


def test_given_the_stacks_then_every_kind_of_resource_is_counted_or_known_to_be_free(dev: Any) -> None:
    kinds = {resource["Type"] for _, _, resource in dev.everything()}
    assert kinds - COUNTED_OR_FREE == set()


def test_given_the_stacks_then_an_idle_month_costs_a_few_dollars_and_each_price_is_known(dev: Any) -> None:
    _, items = of_assembly(dev.folder, "us-east-1")
    alarms = len(dev.of_type("operations", "AWS::CloudWatch::Alarm"))
    found = {item.what: item.usd for item in items}
    assert None not in found.values()
    assert found["Alarms"] == pytest.approx(alarms * 0.10)
    assert found["KMS keys"] == 1.0
    # 4 calls an hour of the gate and 6 of the reconciler, each half a GB for a second.
    assert found["Clocks"] == pytest.approx(7300 * (0.0000002 + 0.5 * 0.0000133334))
    assert total(items) == pytest.approx(1.0 + alarms * 0.10 + 0.05, abs=0.01)
