"""A local SageMaker over moto's S3 and logs, with small programs in place of the container's."""

from __future__ import annotations

import dataclasses
import socket
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from app.embedded import control
from app.embedded.children import Children
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.events import Events
from app.embedded.sagemaker.faults import Faults
from app.embedded.sagemaker.metrics import CloudWatch, Point
from app.embedded.sagemaker.service import SageMaker
from app.embedded.sagemaker.store import Store
from app.embedded.settings import ACCESS_KEY, REGION, SECRET_KEY, EmbeddedSettings

BUCKET = "castings"
DEADLINE_SECONDS = 300.0


def wait_until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition that another thread brings about; fail when it does not come."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


class Local:
    """The local SageMaker under test, and what it did to the world."""

    def __init__(self, folder: Path) -> None:
        self.settings = EmbeddedSettings(
            folder / "state", port=1, programs=folder / "bin", new_machine_seconds=1.5, minute_seconds=0.05)
        self.settings.programs.mkdir(exist_ok=True)
        self.s3, self.sns, self.sqs, self.cloudwatch = (
            boto3.client(service, region_name="us-east-1") for service in ("s3", "sns", "sqs", "cloudwatch"))
        self.points: list[Point] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.start()

    def start(self) -> None:
        """Begin as after a start of the server: only the records on disk are known."""
        publish = lambda kind, arn, detail: self.events.append((kind, detail))  # noqa: E731
        self.cloud = Cloud(
            self.settings, Store(self.settings.sagemaker), Events(publish), Faults(),
            Children(self.settings.children), self.s3, boto3.client("logs", region_name="us-east-1"), self.sns,
            CloudWatch(self.points.extend, lambda: self.cloudwatch.describe_alarms()["MetricAlarms"]))
        self.service = SageMaker(self.cloud)

    def start_again(self, **settings: float) -> None:
        """As after an orderly stop of the server, perhaps with other settings."""
        self.service.shut_down()
        self.settings = dataclasses.replace(self.settings, **settings)
        self.start()
        self.service.recover()

    def program(self, name: str, code: str) -> None:
        """Put a program into the image."""
        preamble = "import os, sys, time, signal, json, pathlib\nroot = pathlib.Path(os.environ['CASTLINE_ML_ROOT'])\n"
        (self.settings.programs / name).write_text(preamble + textwrap.dedent(code))

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.service.call(operation, request)

    def train(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        """Create a training job."""
        request = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {
                "TrainingImage": "image", "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": r"loss: (\S+)"}]},
            "RoleArn": "arn:aws:iam::000000000000:role/job-role-of-castline",
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/shards/"}}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}/"},
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
            "EnableManagedSpotTraining": True,
            "HyperParameters": {"epochs": "1"},
        }
        return self.call("CreateTrainingJob", **{k: v for k, v in {**request, **changes}.items() if v is not None})

    def trained(self, name: str = "job") -> dict[str, Any]:
        """The job after its end."""
        over = ("Completed", "Failed", "Stopped")
        describe = lambda: self.call("DescribeTrainingJob", TrainingJobName=name)  # noqa: E731
        wait_until(lambda: describe()["TrainingJobStatus"] in over)
        return describe()

    def statuses(self, detail_type: str, member: str) -> list[str]:
        """The states that events told, in order."""
        return [detail[member] for kind, detail in self.events if kind == detail_type]

    def objects(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [o["Key"] for o in found]

    def text(self, key: str) -> str:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        boto3.client("s3", region_name="us-east-1").put_object(Bucket=BUCKET, Key="shards/a.tfrecord", Body=b"shard")
        made = Local(tmp_path)
        yield made
        made.service.shut_down()


class Server:
    """A real embedded AWS in a process of its own, whose image holds only the programs of the test."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.programs = folder / "bin"
        self.programs.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def up(self) -> control.Running:
        return control.up(self.port, self.state)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION,
                            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)

    def messages(self, queue_url: str) -> list[str]:
        """Take what lies in a queue."""
        found = self.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        return [m["Body"] for m in found.get("Messages", [])]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("aws"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CASTLINE_PROGRAMS", str(made.programs))
        made.up()
        yield made
        control.down(made.state)
