"""What each function may do, asked as IAM would be asked: an action on a resource, by name."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from app.contracts import keys, names

RUN, VERSION = "20261121-060000-abcdef", "0" * 16
BUCKET, TABLE = "arn:aws:s3:::data", "arn:aws:dynamodb:eu-west-1:123456789012:table/state"
REFERENCES = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"}


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:123456789012:{resource}"


def s3(key: str) -> str:
    return f"{BUCKET}/{key}"


TRAINING = arn("sagemaker", f"training-job/{names.job('dev', RUN, 'train')}")
PREPARE = arn("sagemaker", f"processing-job/{names.job('dev', RUN, 'prepare')}")
ENDPOINT = arn("sagemaker", "endpoint/castline-dev")
CONFIG = arn("sagemaker", f"endpoint-config/{names.serving('dev', RUN, '0a1b2c3d')}")
MACHINE = arn("states", "stateMachine:castline-dev-pipeline")
EXECUTION = arn("states", f"execution:castline-dev-pipeline:{RUN}")
TOPIC = arn("sns", "castline-dev-notifications")
GATE = arn("lambda", "function:castline-dev-gate")
PACKAGE = arn("sagemaker", "model-package/castline-dev/7")
RECORD = s3(keys.run_record(RUN))
COMPARISON = s3(keys.run(RUN, "evaluation", "comparison.json"))

MAY = [
    ("gate", "s3:ListBucket", BUCKET),
    ("gate", "states:StartExecution", MACHINE),
    ("gate", "states:DescribeExecution", EXECUTION),
    ("gate", "dynamodb:PutItem", TABLE),
    ("gate", "dynamodb:Query", TABLE),
    ("gate", "sqs:ReceiveMessage", arn("sqs", "castline-dev-inbox")),
    ("claim", "s3:PutObject", RECORD),
    ("recall", "s3:GetObject", s3(keys.CHAMPION)),
    ("recall", "s3:GetObject", s3(keys.run_champion(RUN))),
    ("snapshot", "s3:ListBucketVersions", BUCKET),
    ("snapshot", "s3:PutObject", s3(keys.snapshot(RUN))),
    ("snapshot", "s3:DeleteObjectVersion", s3(keys.READY_MARKER)),
    ("find_image", "ecr:DescribeImages", arn("ecr", "repository/castline-dev")),
    ("start_prepare", "sagemaker:CreateProcessingJob", PREPARE),
    ("start_prepare", "sagemaker:AddTags", PREPARE),
    ("start_prepare", "s3:PutObject", s3(keys.run(RUN, "jobs", "prepare", "job.json"))),
    ("start_training", "sagemaker:CreateTrainingJob", TRAINING),
    ("start_training", "states:SendTaskFailure", MACHINE),
    ("start_training", "s3:GetObject", s3(keys.version_copy(VERSION))),
    ("start_evaluation", "s3:GetObject", s3(keys.CHAMPION)),
    ("compare", "s3:PutObject", COMPARISON),
    ("register", "sagemaker:CreateModelPackage", arn("sagemaker", "model-package/castline-dev/*")),
    ("register", "sagemaker:ListModelPackages", arn("sagemaker", "model-package-group/castline-dev")),
    ("register", "sns:Publish", TOPIC),
    ("register", "s3:GetObject", COMPARISON),
    ("withdraw", "sagemaker:UpdateModelPackage", PACKAGE),
    ("withdraw", "dynamodb:DeleteItem", TABLE),
    ("publish", "sagemaker:CreateEndpoint", ENDPOINT),
    ("publish", "sagemaker:CreateEndpoint", CONFIG),
    ("publish", "sagemaker:UpdateEndpoint", CONFIG),
    ("verify", "sagemaker:InvokeEndpoint", ENDPOINT),
    ("verify", "s3:GetObject", s3(keys.run(RUN, "evaluation", "golden", "golden.json"))),
    ("restore", "sagemaker:UpdateModelPackage", PACKAGE),
    ("restore", "sagemaker:DeleteEndpoint", ENDPOINT),
    ("commit", "s3:PutObject", s3(keys.CHAMPION)),
    ("commit", "s3:PutObject", s3(keys.DATASET_HEAD)),
    ("commit", "s3:PutObject", s3(keys.run_champion(RUN))),
    ("commit", "s3:DeleteObjectVersion", s3("inbox/folder/cast_1.png")),
    ("finish", "s3:PutObject", RECORD),
    ("finish", "states:GetExecutionHistory", EXECUTION),
    ("finish", "sns:Publish", TOPIC),
    ("finish", "lambda:InvokeFunction", GATE),
    ("finish", "sagemaker:DescribeTrainingJob", TRAINING),
    ("finish", "sagemaker:DescribeProcessingJob", PREPARE),
    ("fail_run", "sagemaker:StopTrainingJob", TRAINING),
    ("fail_run", "dynamodb:Query", TABLE),
    ("resolve", "sagemaker:DescribeModelPackage", PACKAGE),
    ("resolve", "states:SendTaskSuccess", MACHINE),
    ("reconcile", "states:SendTaskHeartbeat", MACHINE),
    ("reconcile", "sagemaker:StopProcessingJob", PREPARE),
    ("reconcile", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("reconcile", "states:StartExecution", MACHINE),
]
MAY_NOT = [
    ("recall", "s3:PutObject", s3(keys.CHAMPION)),
    ("recall", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("commit", "s3:PutObject", RECORD),
    ("start_training", "s3:GetObject", s3(keys.version_manifest(VERSION))),
    ("gate", "s3:GetObject", s3("inbox/cast_1.png")),
    ("snapshot", "s3:DeleteObjectVersion", s3("inbox/cast_1.png")),
    ("start_training", "sagemaker:CreateTrainingJob", arn("sagemaker", "training-job/castline-prod-x-train-1")),
    ("start_training", "s3:PutObject", RECORD),
    ("compare", "s3:PutObject", s3(keys.CHAMPION)),
    ("register", "sagemaker:UpdateModelPackage", PACKAGE),
    ("withdraw", "sagemaker:CreateModelPackage", PACKAGE),
    ("publish", "s3:PutObject", s3(keys.CHAMPION)),
    ("verify", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("commit", "s3:DeleteObjectVersion", s3(keys.version_manifest(VERSION))),
    ("finish", "s3:PutObject", s3(keys.DATASET_HEAD)),
    ("finish", "sagemaker:StopTrainingJob", TRAINING),
    ("finish", "lambda:InvokeFunction", arn("lambda", "function:castline-dev-commit")),
    ("resolve", "states:StartExecution", MACHINE),
    ("next_attempt", "s3:GetObject", RECORD),
]


def spelled(value: Any) -> str:
    """An ARN as a real deployment would have it."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return "".join(spelled(part) for part in argument[1])
    if function == "Ref":
        return REFERENCES[argument]
    if function == "Fn::ImportValue":
        return BUCKET if "Bucket" in argument else TABLE
    return f"<{'.'.join(argument)}>"


def allows(synthesized: Any, handler: str, action: str, resource: str) -> bool:
    part = f"Functions{handler.title().replace('_', '')}RoleStatements"
    for key, statement in synthesized.statements():
        if not key.startswith(part):
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if action in actions and any(fnmatch.fnmatchcase(resource, spelled(r)) for r in resources):
            return True
    return False


@pytest.mark.parametrize(("handler", "action", "resource"), MAY)
def test_a_function_may_do_its_work(dev: Any, handler: str, action: str, resource: str) -> None:
    assert allows(dev, handler, action, resource)


@pytest.mark.parametrize(("handler", "action", "resource"), MAY_NOT)
def test_a_function_may_not_do_the_work_of_others(dev: Any, handler: str, action: str, resource: str) -> None:
    assert not allows(dev, handler, action, resource)
