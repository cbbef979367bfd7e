"""A killed embedded AWS comes back: nothing deployed or stored is lost, and what ran is told to have ended."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from app.embedded import control

from .conftest import wait_until

ROLE = "arn:aws:iam::000000000000:role/any-role-of-castline"
TRAINS_FOR_EVER = """
import os, pathlib, time
root = pathlib.Path(os.environ["CASTLINE_ML_ROOT"])
(root / "checkpoints/step").write_text("7")
time.sleep(600)
"""
WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
PATTERNS = {
    "jobs": {"source": ["aws.sagemaker"], "detail": {"TrainingJobStatus": ["Failed"]}},
    "runs": {"source": ["aws.states"], "detail": {"status": ["ABORTED"]}},
}


@pytest.fixture(scope="module")
def busy(server):
    """An embedded AWS with a stored item, a training job and an execution under way."""
    (server.programs / "train").write_text(TRAINS_FOR_EVER)
    server.client("s3").create_bucket(Bucket="castings")
    server.client("s3").put_object(Bucket="castings", Key="inbox/a.jpg", Body=b"jpeg")
    server.client("dynamodb").create_table(
        TableName="state", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    server.client("dynamodb").put_item(TableName="state", Item={"pk": {"S": "LOCK"}, "owner": {"S": "run-1"}})
    for name, pattern in PATTERNS.items():
        _listen(server, name, pattern)
    _train(server)
    sfn = server.client("stepfunctions")
    machine = sfn.create_state_machine(name="pipeline", definition=json.dumps(WAITS), roleArn=ROLE)
    sfn.start_execution(stateMachineArn=machine["stateMachineArn"], name="run-1")
    s3 = server.client("s3")
    wait_until(lambda: s3.list_objects_v2(Bucket="castings", Prefix="checkpoints/")["KeyCount"])
    saved = server.state / "services"
    wait_until(lambda: _has(saved / "stepfunctions.json", "run-1") and _has(saved / "dynamodb.json", "LOCK")
               and _has(saved / "eventbridge.json", "runs"))
    return server


def _listen(server, name: str, pattern: dict) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    server.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    server.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])


def _train(server) -> None:
    server.client("sagemaker").create_training_job(
        TrainingJobName="job", RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://castings/models"},
        CheckpointConfig={"S3Uri": "s3://castings/checkpoints/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600})


def _has(file: Path, text: str) -> bool:
    return file.is_file() and text in file.read_text()


def _children(server) -> list[int]:
    return [int(file.name) for file in (server.state / "children").iterdir()]


def test_killed_embedded_aws_comes_back_and_tells_what_ended(busy):
    """Given a job and an execution under way, when the process is killed and started, then both have ended."""
    server = busy
    (orphan,) = _children(server)
    server.client("dynamodb").put_item(TableName="state", Item={"pk": {"S": "LOCK"}, "owner": {"S": "run-2"}})
    sfn = server.client("stepfunctions")
    (machine,) = sfn.list_state_machines()["stateMachines"]
    started = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], name="run-2")["executionArn"]
    os.kill(control.status(server.state).pid, signal.SIGKILL)
    wait_until(lambda: control.status(server.state) is None)
    assert psutil.pid_exists(orphan)

    server.up()

    assert not psutil.pid_exists(orphan)
    assert server.client("s3").get_object(Bucket="castings", Key="inbox/a.jpg")["Body"].read() == b"jpeg"
    item = server.client("dynamodb").get_item(TableName="state", Key={"pk": {"S": "LOCK"}})["Item"]
    assert item["owner"] == {"S": "run-2"}  # what led to an execution is on disk before its start is answered
    wait_until(lambda: sfn.describe_execution(executionArn=started)["status"] == "ABORTED")
    run, job = (wait_until(lambda name=name: _first(server, name)) for name in ("runs", "jobs"))
    assert (run["detail"]["name"], run["detail"]["status"]) in (("run-1", "ABORTED"), ("run-2", "ABORTED"))
    assert (job["detail"]["TrainingJobName"], job["detail"]["TrainingJobStatus"]) == ("job", "Failed")
    described = server.client("sagemaker").describe_training_job(TrainingJobName="job")
    assert described["FailureReason"].startswith("InternalServerError")


def test_stopped_embedded_aws_saves_the_last_checkpoint_and_keeps_the_job_for_the_next_start(busy):
    """Given a training job, when the embedded AWS goes down in order, then the program ends and the record stays."""
    server = busy
    name = "job-2"
    (server.programs / "train").write_text(TRAINS_FOR_EVER.replace("time.sleep(600)", _CHECKPOINT_AT_SIGTERM))
    job = server.client("sagemaker").describe_training_job(TrainingJobName="job")
    request = {k: job[k] for k in ("RoleArn", "AlgorithmSpecification", "OutputDataConfig", "CheckpointConfig",
                                   "ResourceConfig", "StoppingCondition")}
    server.client("sagemaker").create_training_job(TrainingJobName=name, **request)
    s3 = server.client("s3")
    wait_until(lambda: "checkpoints/ready" in [
        o["Key"] for o in s3.list_objects_v2(Bucket="castings", Prefix="checkpoints/").get("Contents", [])])
    control.down(server.state)
    assert _children(server) == []
    record = json.loads((server.state / "sagemaker/TrainingJob" / f"{name}.json").read_text())
    assert record["TrainingJobStatus"] == "InProgress"
    server.up()
    assert s3.get_object(Bucket="castings", Key="checkpoints/step")["Body"].read() == b"8"
    status = lambda: server.client("sagemaker").describe_training_job(TrainingJobName=name)  # noqa: E731
    wait_until(lambda: status()["TrainingJobStatus"] == "Failed")


_CHECKPOINT_AT_SIGTERM = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: ((root / "checkpoints/step").write_text("8"), sys.exit(0)))
(root / "checkpoints/ready").touch()
time.sleep(600)
"""


def _first(server, queue: str) -> dict | None:
    url = server.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    messages = server.messages(url)
    return json.loads(messages[0]) if messages else None
