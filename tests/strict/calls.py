"""Calls of AWS as the table of roles writes them: the action as policies name it, the words for people, the call."""

from __future__ import annotations

import dataclasses
from typing import Any

RUN = "20260101-000000-0a0b0c"
JOB = f"castline-{{environment}}-{RUN}"


@dataclasses.dataclass(frozen=True)
class Call:
    """One call; its parameters name what is deployed in braces: {bucket}, {table}, {machine}, ..."""

    words: str
    """What it does, for people."""
    action: str
    """What policies call it."""
    service: str
    method: str
    parameters: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.words} (`{self.action}`)"


def read(words: str, key: str) -> Call:
    return Call(words, "s3:GetObject", "s3", "get_object", {"Bucket": "{bucket}", "Key": key})


def write(words: str, key: str) -> Call:
    return Call(words, "s3:PutObject", "s3", "put_object", {"Bucket": "{bucket}", "Key": key, "Body": b"{{}}"})


def delete(words: str, key: str) -> Call:
    return Call(words, "s3:DeleteObject", "s3", "delete_object", {"Bucket": "{bucket}", "Key": key})


def sweep(words: str, key: str) -> Call:
    parameters = {"Bucket": "{bucket}", "Key": key, "VersionId": "0" * 32}
    return Call(words, "s3:DeleteObjectVersion", "s3", "delete_object", parameters)


def find(words: str, prefix: str) -> Call:
    return Call(words, "s3:ListBucket", "s3", "list_objects_v2", {"Bucket": "{bucket}", "Prefix": prefix})


def note(words: str) -> Call:
    return Call(words, "dynamodb:GetItem", "dynamodb", "get_item",
                {"TableName": "{table}", "Key": {"pk": {"S": "nothing"}, "sk": {"S": "nothing"}}})


def forget(words: str) -> Call:
    return Call(words, "dynamodb:DeleteItem", "dynamodb", "delete_item",
                {"TableName": "{table}", "Key": {"pk": {"S": "nothing"}, "sk": {"S": "nothing"}}})


def invoke(words: str, handler: str) -> Call:
    return Call(words, "lambda:InvokeFunction", "lambda", "invoke",
                {"FunctionName": f"castline-{{environment}}-{handler}", "InvocationType": "DryRun"})


def start(words: str) -> Call:
    return Call(words, "states:StartExecution", "stepfunctions", "start_execution", {"stateMachineArn": "{machine}"})


def describe_execution(words: str) -> Call:
    return Call(words, "states:DescribeExecution", "stepfunctions", "describe_execution",
                {"executionArn": "{execution}"})


def sagemaker(words: str, method: str, **parameters: Any) -> Call:
    """A call of SageMaker by boto3's name of it."""
    action = "".join(part.capitalize() for part in method.split("_"))
    return Call(words, f"sagemaker:{action}", "sagemaker", method, parameters)


def describe_endpoint(words: str = "look at the endpoint") -> Call:
    return sagemaker(words, "describe_endpoint", EndpointName="castline-{environment}")


def create_endpoint(words: str = "make an endpoint") -> Call:
    return sagemaker(words, "create_endpoint", EndpointName="castline-{environment}", EndpointConfigName=JOB)


def stop_training(words: str) -> Call:
    return sagemaker(words, "stop_training_job", TrainingJobName=f"{JOB}-train-1")


def describe_training(words: str) -> Call:
    return sagemaker(words, "describe_training_job", TrainingJobName=f"{JOB}-train-1")


def describe_processing(words: str) -> Call:
    return sagemaker(words, "describe_processing_job", ProcessingJobName=f"{JOB}-prepare-1")


def create_model_as(role: str, words: str) -> Call:
    """Make a model under a role: passing the role is what is asked here."""
    call = sagemaker(words, "create_model", ModelName=JOB, ExecutionRoleArn=role,
                     PrimaryContainer={"Image": "image"})
    return dataclasses.replace(call, action="iam:PassRole")


def prepare_as(role: str, words: str) -> Call:
    """Start a processing job under a role: passing the role is what is asked here."""
    machines = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}}
    call = sagemaker(words, "create_processing_job", ProcessingJobName=f"{JOB}-prepare-1", RoleArn=role,
                     ProcessingResources=machines, AppSpecification={"ImageUri": "i", "ContainerEntrypoint": ["x"]})
    return dataclasses.replace(call, action="iam:PassRole")


def stream(words: str, group: str) -> Call:
    return Call(words, "logs:CreateLogStream", "logs", "create_log_stream",
                {"logGroupName": group, "logStreamName": "roles"})
