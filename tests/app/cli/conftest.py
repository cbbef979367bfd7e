# ruff: noqa: N803 - the stand-ins take AWS's argument names
"""A deployment that exists only in memory: moto's S3 and DynamoDB, and stand-ins that say what a test wants."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from app.cli import console, lookup, main
from app.client.pipeline import Pipeline
from app.contracts import documents, keys, names, table
from app.contracts.evaluation import Comparison
from app.contracts.runs import Champion, RunRecord
from app.contracts.settings import PipelineSettings
from app.embedded.settings import Access

BUCKET, TABLE = "castings", "state"
START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def client_error(operation, code, message="no"):
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Paginated:
    """A paginator over one page."""

    def __init__(self, page):
        self._page = page

    def paginate(self, **_request):
        """The page."""
        return [self._page]


@dataclasses.dataclass
class States:
    """Step Functions: an execution is a list of (events, status), one for each look at it; the last one stays."""

    looks: dict[str, list[tuple[list[dict], str]]] = dataclasses.field(default_factory=dict)
    error: str = ""
    cause: str = ""

    def describe_execution(self, executionArn):
        """The status of the next look."""
        looks = self.looks.get(executionArn.rpartition(":")[2])
        if looks is None:
            raise client_error("DescribeExecution", "ExecutionDoesNotExist")
        self._now = looks.pop(0) if len(looks) > 1 else looks[0]
        return {"status": self._now[1], "error": self.error, "cause": self.cause}

    def get_paginator(self, _name):
        """The events of the same look."""
        return Paginated({"events": self._now[0]})


@dataclasses.dataclass
class Logs:
    """CloudWatch Logs with one stream."""

    stream: str = ""
    lines: list[str] = dataclasses.field(default_factory=list)

    def describe_log_streams(self, logGroupName, logStreamNamePrefix):
        """The stream, when it has the prefix."""
        assert logGroupName == "/aws/sagemaker/TrainingJobs"
        return {"logStreams": [{"logStreamName": self.stream}] if self.stream.startswith(logStreamNamePrefix) else []}

    def get_log_events(self, nextToken="0", **_request):
        """Everything at once, nothing after."""
        events = [{"message": line} for line in self.lines] if nextToken == "0" else []
        return {"events": events, "nextForwardToken": "1"}


@dataclasses.dataclass
class Gate:
    """The gate's Lambda function."""

    decision: dict = dataclasses.field(default_factory=lambda: {"start": False, "reason": "the inbox is empty"})
    failed: bool = False
    orders: list[dict] = dataclasses.field(default_factory=list)
    settings: PipelineSettings = dataclasses.field(default_factory=lambda: PipelineSettings("local"))

    def get_function_configuration(self, FunctionName):
        """The environment that the stacks give it."""
        assert FunctionName == "gate"
        return {"Environment": {"Variables": {"CASTLINE_SETTINGS": documents.to_json(self.settings)}}}

    def invoke(self, FunctionName, Payload):
        """Note the order and decide."""
        assert FunctionName == "gate"
        self.orders.append(json.loads(Payload))
        answer = {"Payload": io.BytesIO(json.dumps(self.decision).encode())}
        return answer | ({"FunctionError": "Unhandled"} if self.failed else {})


@dataclasses.dataclass
class Endpoint:
    """SageMaker and its runtime."""

    status: str = ""
    answers: dict[bytes, object] = dataclasses.field(default_factory=dict)
    asked: list[dict] = dataclasses.field(default_factory=list)
    packages: dict[str, dict] = dataclasses.field(default_factory=dict)

    def describe_endpoint(self, EndpointName):
        """The status, or what SageMaker says when there is none."""
        if not self.status:
            raise client_error("DescribeEndpoint", "ValidationException", "Could not find endpoint")
        return {"EndpointStatus": self.status, "EndpointName": EndpointName}

    def describe_model_package(self, ModelPackageName):
        """A version in the registry."""
        return self.packages[ModelPackageName]

    def update_model_package(self, ModelPackageArn, **changes):
        """What a person decides."""
        self.packages[ModelPackageArn].update(changes)

    def get_paginator(self, name):
        """All versions."""
        assert name == "list_model_packages"
        return Paginated({"ModelPackageSummaryList": list(self.packages.values())})

    def invoke_endpoint(self, Body, Accept, **request):
        """The prepared answer for the image, as JSON or as a picture."""
        self.asked.append({"Accept": Accept, **request})
        if not self.status:
            raise client_error("InvokeEndpoint", "ValidationError", "Endpoint castline-local not found")
        answer = self.answers.get(Body)
        if answer is None:
            error = client_error("InvokeEndpoint", "ModelError", "Received client error (400)")
            error.response["OriginalMessage"] = json.dumps({"error": "not-an-image", "message": "is no JPEG"})
            raise error
        body = b"PNG of " + Body if Accept == "image/png" else documents.to_json(answer).encode()
        return {"Body": io.BytesIO(body)}


class Cloud:
    """The deployment under test and what the command line did to it."""

    def __init__(self):
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        self.states, self.logs, self.gate, self.sagemaker = States(), Logs(), Gate(), Endpoint()
        self.s3.create_bucket(Bucket=BUCKET)
        self.dynamodb.create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}])
        clients = {"s3": self.s3, "dynamodb": self.dynamodb, "stepfunctions": self.states, "logs": self.logs,
                   "lambda": self.gate, "sagemaker": self.sagemaker, "sagemaker-runtime": self.sagemaker}
        self.pipeline = Pipeline(
            client=clients.__getitem__, environment="local", embedded=True, bucket=BUCKET, table=TABLE,
            state_machine_arn="arn:aws:states:us-east-1:1:stateMachine:castline", gate_function="gate",
            endpoint="castline-local", variables=Access(clients["s3"].meta.endpoint_url).environment())

    def put(self, key, content):
        """Write an object; documents as JSON."""
        body = content if isinstance(content, bytes) else documents.to_json(content).encode()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def item(self, pk, sk, **values):
        """Write an item of the state table."""
        strings = {name: {"S": value} for name, value in values.items()}
        self.dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": pk}, "sk": {"S": sk}, **strings})

    def stored(self):
        """Everything in the bucket."""
        return [o["Key"] for o in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def run(self, record):
        """A run with its record, in the list of runs."""
        self.item(table.RUN_PK, record.run_id)
        self.put(keys.run_record(record.run_id), record)
        self.states.looks.setdefault(record.run_id, [([], record.status)])

    def lock(self, run_id):
        """A run that is active."""
        self.item(table.LOCK_PK, table.LOCK_SK, owner=run_id)

    def package(self, run_id, status="PendingManualApproval", note=""):
        """A model in the registry."""
        arn = f"arn:aws:sagemaker:us-east-1:1:model-package/castline-local/{len(self.sagemaker.packages) + 1}"
        self.sagemaker.packages[arn] = {
            "ModelPackageArn": arn, "ModelPackageDescription": names.package_description(run_id),
            "ModelApprovalStatus": status, **({"ApprovalDescription": note} if note else {})}
        return arn

    def asks(self, run_id):
        """An active run whose model waits for a person."""
        arn = self.package(run_id)
        self.lock(run_id)
        self.item(table.JOB_PK, arn, kind="approval", run_id=run_id, created_at=START.isoformat())
        self.put(keys.run(run_id, "evaluation", "comparison.json"), Comparison(
            True, ("gain 0.070 (0.020 to 0.120)",), 0.52, 0.45, 0.02, 0.12))
        return arn

    def champion(self, run_id, previous=None, **values):
        """A model that serves, and perhaps one before it."""
        champion = Champion(
            run_id, "v1", "s3://castings/model", "repo@sha256:1", "config", "arn", 0.5, START.isoformat(), previous)
        self.put(keys.CHAMPION, dataclasses.replace(champion, **values))
        if previous:
            self.put(keys.run_champion(previous), dataclasses.replace(
                champion, run_id=previous, mask_ap=0.4, previous_run_id=None))


@pytest.fixture
def record():
    """Make a run record with what a test cares about."""
    return _record


def _record(run_id, status="SUCCEEDED", outcome="PROMOTED", **values):
    return RunRecord(run_id, status, outcome, "40 new images", START.isoformat(),
                     ended_at=(START + timedelta(seconds=125)).isoformat(), **values)


@pytest.fixture
def cloud(monkeypatch):
    """An empty deployment that every command connects to; nobody waits."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(lookup, "START_SECONDS", 2.0)
    with mock_aws():
        deployment = Cloud()
        monkeypatch.setattr("app.cloud.connect", lambda environment, *, aws=False: dataclasses.replace(
            deployment.pipeline, environment=environment, embedded=not aws))
        yield deployment


@pytest.fixture
def app(monkeypatch):
    """Run a command line; gives exit_code, stdout and stderr."""
    monkeypatch.delenv("CASTLINE_CLOUD", raising=False)
    monkeypatch.setattr(console.out, "width", 160)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(main.app, [str(a) for a in arguments], prog_name="python -m app")
