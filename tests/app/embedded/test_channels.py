"""Channels of training jobs on EFS: folders of this machine stand for its directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.embedded.sagemaker import channels
from app.embedded.sagemaker.errors import ApiError

from .conftest import BUCKET, wait_until

FILE_SYSTEM = "fs-0123456789abcdef0"
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
SHARDS = {"ChannelName": "val", "DataSource": {"S3DataSource": {
    "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/shards/"}}, "InputMode": "FastFile"}


def mount(name, path, access, **changes):
    return {"ChannelName": name, "InputMode": "File", "DataSource": {"FileSystemDataSource": {
        "FileSystemId": FILE_SYSTEM, "FileSystemType": "EFS", "FileSystemAccessMode": access, "DirectoryPath": path,
    }}, **changes}


@pytest.fixture
def efs(local):
    """The root of the file system, with a shard and a place for logs."""
    root = channels.directory(local.settings, FILE_SYSTEM, "/")
    (root / "data/train").mkdir(parents=True)
    (root / "data/train/a.tfrecord").write_text("from efs ")
    (root / "logs").mkdir()
    return root


def test_a_program_reads_from_one_directory_and_writes_into_another(local, efs):
    local.program("train", """
        data, log = root / "input/data/train", root / "input/data/log"
        modes = json.loads((root / "input/config/inputdataconfig.json").read_text())
        text = (data / "a.tfrecord").read_text() + (root / "input/data/val/a.tfrecord").read_text()
        (root / "model/weights").write_text(text)
        (log / "run-1").mkdir()
        (log / "run-1/metrics.jsonl").write_text(json.dumps(modes))
        """)
    local.train(InputDataConfig=[mount("train", "/data/train", "ro"), SHARDS, mount("log", "/logs", "rw")],
                VpcConfig=VPC)
    job = local.trained()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert (efs / "logs/run-1/metrics.jsonl").read_text() == (
        '{"train": {"TrainingInputMode": "File"}, "val": {"TrainingInputMode": "FastFile"}, '
        '"log": {"TrainingInputMode": "File"}}')
    model = local.settings.work / "training/job/opt/ml/model/weights"
    assert model.read_text() == "from efs shard"


def test_a_read_only_directory_cannot_be_changed_by_the_program(local, efs):
    """Given a program that tries every way (as root permissions stop nobody), then the file system is as before."""
    local.program("train", """
        data, refused = root / "input/data/train", []
        print("mode: %o %o" % (data.stat().st_mode & 0o777, (data / "a.tfrecord").stat().st_mode & 0o777))
        for attempt in (lambda: (data / "a.tfrecord").write_text("spoilt"), lambda: (data / "new").write_text("x"),
                        lambda: (data / "a.tfrecord").unlink()):
            try:
                attempt()
            except PermissionError:
                refused.append(1)
        (root / "model/refused").write_text(str(len(refused)))
        """)
    local.train(InputDataConfig=[mount("train", "/data/train", "ro")], VpcConfig=VPC,
                AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"})
    assert local.trained()["TrainingJobStatus"] == "Completed"
    assert (efs / "data/train/a.tfrecord").read_text() == "from efs "
    assert [p.name for p in (efs / "data/train").iterdir()] == ["a.tfrecord"]
    group, stream = "/aws/sagemaker/TrainingJobs", local.cloud.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"][0]["logStreamName"]
    events = local.cloud.logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["mode: 555 444"]
    if os.geteuid():
        assert (local.settings.work / "training/job/opt/ml/model/refused").read_text() == "3"


def test_a_lost_machine_keeps_what_was_logged_and_mounts_again(local, efs):
    local.program("train", """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        log = root / "input/data/log/starts"
        with log.open("a") as file:
            file.write((root / "input/data/train/a.tfrecord").read_text())
        if log.read_text().count("efs") == 1:
            time.sleep(600)
        """)
    local.train(InputDataConfig=[mount("train", "/data/train", "ro"), mount("log", "/logs", "rw")], VpcConfig=VPC)
    starts = efs / "logs/starts"
    wait_until(lambda: starts.exists() and starts.read_text())
    record = local.cloud.store.get("TrainingJob", "job")
    wait_until(lambda: local.service.training.interrupt(record))
    assert local.trained()["TrainingJobStatus"] == "Completed"
    assert starts.read_text() == "from efs from efs "


def test_a_directory_that_is_not_there_fails_the_job_before_the_program(local, efs):
    local.program("train", "raise SystemExit('never')")
    local.train(InputDataConfig=[mount("train", "/data/absent", "ro")], VpcConfig=VPC)
    assert local.trained()["FailureReason"].startswith(
        f"ClientError: Unable to mount file system: {FILE_SYSTEM}, directory path: /data/absent of the channel train")


@pytest.mark.parametrize(("channel", "vpc", "rule"), [
    (mount("train", "/data", "ro"), None, "VpcConfig is required"),
    (mount("train", "/data", "ro", InputMode="FastFile"), VPC, "InputMode must be File"),
    (mount("train", "data", "ro"), VPC, "normalized and absolute"),
    (mount("train", "/data/../other", "ro"), VPC, "normalized and absolute"),
    (mount("train", "/data/", "ro"), VPC, "normalized and absolute"),
    (mount("train", "/data", "w"), VPC, "enum value set"),
])
def test_a_channel_that_sagemaker_refuses_is_refused(local, channel, vpc, rule):
    with pytest.raises(ApiError, match=rule):
        local.train(InputDataConfig=[channel], VpcConfig=vpc)


def test_read_only_folders_of_an_earlier_job_can_be_removed(tmp_path: Path):
    (tmp_path / "job/data/deep").mkdir(parents=True)
    (tmp_path / "job/data/deep/file").write_text("x")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/log").write_text("kept")
    (tmp_path / "job/log").symlink_to(tmp_path / "kept")
    for path in ("job/data/deep/file", "job/data/deep", "job/data"):
        (tmp_path / path).chmod(0o555)
    channels.remove(tmp_path / "job")
    assert not (tmp_path / "job").exists()
    assert (tmp_path / "kept/log").read_text() == "kept"
