from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from app.contracts import documents, keys
from app.contracts.runs import RunInput, RunRecord
from app.contracts.settings import PipelineSettings
from lambdas import environment as environments
from lambdas.aws import clients
from lambdas.aws.documents import Bucket
from lambdas.aws.table import Lock, StateTable
from tests.lambdas import fakes
from tests.lambdas.builders import ACCOUNT, BUCKET, REGION, RUN_ID, SETTINGS, TABLE, variables

__all__ = ["ACCOUNT", "BUCKET", "EVENTS", "REGION", "SETTINGS", "TABLE", "Aws", "variables"]

EVENTS = Path(__file__).parents[1] / "events"

_REAL_CLIENT = boto3.client


@dataclasses.dataclass
class Aws:
    """The world of the functions: real code on moto's S3 and DynamoDB, and fakes for the rest."""

    s3: Any
    sagemaker: fakes.FakeSageMaker
    states: fakes.FakeStates
    runtime: fakes.FakeRuntime
    ecr: fakes.FakeEcr
    sns: fakes.FakeSns
    gate: fakes.FakeLambda
    autoscaling: fakes.FakeAutoscaling
    cloudwatch: fakes.FakeCloudWatch
    environment: environments.Environment
    configure: Callable[[PipelineSettings], None]

    @property
    def bucket(self) -> Bucket:
        return Bucket(BUCKET)

    @property
    def table(self) -> StateTable:
        return StateTable(TABLE)

    def put(self, key: str, body: Any = b"x") -> str:
        """Write an object; a dataclass becomes JSON. Returns the version id."""
        content = body if isinstance(body, bytes) else documents.to_json(body).encode()
        return str(self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"])

    def inbox(self) -> list[str]:
        """Keys that an uploader sees in the inbox."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=keys.INBOX)
        return [item["Key"] for item in listed.get("Contents", ())]

    def record(self, run_id: str = RUN_ID) -> RunRecord:
        return self.bucket.read(RunRecord, keys.run_record(run_id))

    def arn(self, run_id: str = RUN_ID) -> str:
        return self.environment.execution_arn(run_id)

    def running(self, run_id: str = RUN_ID, *, locked: bool = True) -> RunInput:
        """An execution that runs and, unless told otherwise, holds the lock."""
        run = RunInput(run_id, "3 new images, quiet for 61 s", "2026-11-02T11:00:00+00:00")
        self.states.start_execution(
            stateMachineArn=self.environment.state_machine_arn, name=run_id, input=documents.to_json(run)
        )
        if locked:
            assert self.table.take_lock(Lock(run_id, documents.to_json(run), run.requested_at))
        return run

    def hold(self, run_id: str = RUN_ID) -> None:
        """It is this run's turn, unless it is another's."""
        self.table.take_lock(Lock(run_id, "{}", "2026-11-02T11:00:00+00:00"))

    def end(self, run_id: str = RUN_ID, status: str = "FAILED", **more: str) -> None:
        """The execution is over."""
        self.states.executions[self.arn(run_id)].update(status=status, **more)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in variables(SETTINGS).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        world = _world(monkeypatch)
        yield world
    environments.current.cache_clear()
    clients.client.cache_clear()


@functools.cache
def moto_client(service: str) -> Any:
    """Made once: loading botocore's models takes longer than all else in a test."""
    return _REAL_CLIENT(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


def _world(monkeypatch: pytest.MonkeyPatch) -> Aws:
    environments.current.cache_clear()
    clients.client.cache_clear()
    s3, dynamodb = moto_client("s3"), moto_client("dynamodb")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    faked: dict[str, Any] = {
        fake.service: fake
        for fake in (
            fakes.FakeSageMaker(), fakes.FakeStates(), fakes.FakeRuntime(), fakes.FakeEcr(), fakes.FakeSns(),
            fakes.FakeLambda(), fakes.FakeAutoscaling(), fakes.FakeCloudWatch(),
        )
    }  # fmt: skip
    monkeypatch.setattr(boto3, "client", lambda name, **_: faked.get(name) or moto_client(name))

    def configure(settings: PipelineSettings) -> None:
        monkeypatch.setenv("CASTLINE_SETTINGS", documents.to_json(settings))
        environments.current.cache_clear()

    return Aws(
        s3, faked["sagemaker"], faked["stepfunctions"], faked["sagemaker-runtime"], faked["ecr"], faked["sns"],
        faked["lambda"], faked["application-autoscaling"],
        faked["cloudwatch"], environments.current(), configure,
    )  # fmt: skip
