"""Training jobs of the local SageMaker."""

from __future__ import annotations

import io
import tarfile

import pytest

from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.faults import Fault

from .conftest import BUCKET, wait_until

TRAINS = """
    print("loss: 0.5")
    print("loss: 0.25")
    shard = (root / "input/data/train/a.tfrecord").read_text()
    given = json.loads((root / "input/config/hyperparameters.json").read_text())
    (root / "model/weights").write_text(shard + given["epochs"])
    """
TRAINS_TO_FIVE = """
    count = root / "checkpoints/count"
    step = int(count.read_text()) if count.exists() else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    (root / "output/data/started").touch()
    print("from step", step)
    while step < 5:
        step += 1
        count.with_suffix(".tmp").write_text(str(step)); count.with_suffix(".tmp").rename(count)
        if step == 2:
            time.sleep(600)  # until SIGTERM
    (root / "model/weights").write_text(str(step))
    """


def test_completed_job_leaves_model_metrics_and_events(local):
    local.program("train", TRAINS)
    local.train()
    job = local.trained()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [m["Value"] for m in job["FinalMetricDataList"]] == [0.25]
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    body = local.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.extractfile("./weights").read() == b"shard1"
    wait_until(lambda: "Completed" in local.statuses("SageMaker Training Job State Change", "TrainingJobStatus"))
    secondary = [t["Status"] for t in job["SecondaryStatusTransitions"]]
    assert secondary == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_failed_program_tells_its_reason(local):
    local.program("train", """
        (root / "output").mkdir(exist_ok=True)
        (root / "output/failure").write_text(json.dumps({"code": "DATA_INVALID", "message": "no masks"}))
        sys.exit(3)
        """)
    local.train()
    job = local.trained()
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == 'AlgorithmError: {"code": "DATA_INVALID", "message": "no masks"}'
    assert "ModelArtifacts" not in job


def test_spot_interruption_loses_the_disk_and_resumes_from_the_checkpoint(local):
    local.program("train", TRAINS_TO_FIVE)
    local.train()
    count = "checkpoints/job/count"
    wait_until(lambda: count in local.objects(count) and local.text(count) == "2")
    record = local.cloud.store.get("TrainingJob", "job")
    wait_until(lambda: local.service.training.interrupt(record))
    job = local.trained()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Interrupted" in [t["Status"] for t in job["SecondaryStatusTransitions"]]
    assert local.text(count) == "5"
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]  # waiting for a machine costs nothing


def test_stopped_job_ends_as_stopped(local):
    local.program("train", TRAINS_TO_FIVE)
    local.train()
    wait_until(lambda: local.service.training._running)
    wait_until(lambda: local.objects("checkpoints/"))
    local.call("StopTrainingJob", TrainingJobName="job")
    job = local.trained()
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")


@pytest.mark.parametrize(("kind", "status", "secondary", "reason"), [
    ("capacity", "Failed", "Failed", "CapacityError"),
    ("internal", "Failed", "Failed", "InternalServerError"),
    ("max-wait", "Stopped", "MaxWaitTimeExceeded", ""),
])
def test_ordered_fault_ends_one_job(local, kind, status, secondary, reason):
    local.program("train", TRAINS)
    local.cloud.faults.add(Fault(kind, "job"))
    local.train()
    job = local.trained()
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == (status, secondary)
    assert job.get("FailureReason", "").startswith(reason)
    local.train("job-again")
    assert local.trained("job-again")["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(("changes", "rule"), [
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "MaxWaitTimeInSeconds"),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 30}}, "MaxWaitTimeInSeconds"),
    ({"EnableManagedSpotTraining": False}, "EnableManagedSpotTraining is true"),
    ({"RoleArn": None}, "RoleArn"),
])
def test_request_that_sagemaker_refuses_is_refused(local, changes, rule):
    with pytest.raises(ApiError, match=rule):
        local.train(**changes)
    assert local.call("ListTrainingJobs")["TrainingJobSummaries"] == []


def test_name_is_taken_once(local):
    local.program("train", TRAINS)
    local.train()
    with pytest.raises(ApiError, match="must be unique") as refused:
        local.train()
    assert refused.value.code == "ResourceInUse"


def test_empty_channel_fails_the_job_before_the_program(local):
    local.program("train", TRAINS)
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/nothing/"}}}
    local.train(InputDataConfig=[channel])
    assert "No S3 objects found" in local.trained()["FailureReason"]


def test_job_of_a_killed_server_has_failed_at_the_next_start(local):
    local.program("train", TRAINS_TO_FIVE)
    local.train()
    wait_until(lambda: local.service.training._running)
    left_over = local.service
    local.start()
    local.service.recover()
    job = local.trained()
    assert job["FailureReason"].startswith("InternalServerError")
    assert wait_until(lambda: "Failed" in local.statuses("SageMaker Training Job State Change", "TrainingJobStatus"))
    assert local.cloud.children.end_leftovers() == 1
    left_over.shut_down()  # its thread still reads the program's pipe


def test_log_is_a_stream_of_cloudwatch(local):
    local.program("train", TRAINS)
    local.train()
    local.trained()
    group = "/aws/sagemaker/TrainingJobs"
    streams = local.cloud.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/")["logStreams"]
    events = local.cloud.logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert [e["message"] for e in events] == ["loss: 0.5", "loss: 0.25"]


TWO_HOSTS = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10}


def test_hosts_of_a_job_know_each_other_and_the_first_one_writes_the_model(local):
    """Given two hosts, then each has its data, its name and the address where the other one listens."""
    local.program("train", """
        import socket
        resources = json.loads((root / "input/config/resourceconfig.json").read_text())
        where = dict(entry.split("=") for entry in os.environ["CASTLINE_HOST_ADDRESSES"].split(","))
        assert list(where) == resources["hosts"] == ["algo-1", "algo-2"]
        address = lambda host: (where[host].split(":")[0], int(where[host].split(":")[1]))
        shard = (root / "input/data/train/a.tfrecord").read_bytes()
        if resources["current_host"] == "algo-2":
            for attempt in range(1000):
                try:
                    with socket.create_connection(address("algo-1")) as there:
                        there.sendall(shard)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
        else:
            with socket.create_server(address("algo-1")) as listening:
                (root / "model/weights").write_bytes(listening.accept()[0].recv(100) + b" from algo-2")
        """)
    local.train(ResourceConfig=TWO_HOSTS)
    job = local.trained()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    body = local.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.extractfile("./weights").read() == b"shard from algo-2"
    streams = local.cloud.logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
    assert {stream["logStreamName"].rpartition("-")[0] for stream in streams} == {"job/algo-1", "job/algo-2"}


def test_host_that_fails_ends_the_others_and_gives_the_reason(local):
    local.program("train", """
        host = json.loads((root / "input/config/resourceconfig.json").read_text())["current_host"]
        if host == "algo-1":
            time.sleep(600)  # until SIGTERM
        (root / "output/failure").write_text(f"{host} failed")
        sys.exit(3)
        """)
    local.train(ResourceConfig=TWO_HOSTS)
    job = local.trained()
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: algo-2 failed"
    assert job["TrainingTimeInSeconds"] < 600  # nobody waited for the other one
