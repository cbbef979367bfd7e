# ruff: noqa: N803 - the stand-ins take AWS's argument names
"""data copy and stage-coco --efs: from the bucket to the file system, by DataSync or to a folder of this machine."""

from __future__ import annotations

import dataclasses
import json

import pytest

from app.client import file_system
from app.contracts import keys
from app.contracts.dataset import DatasetHead, Shard, VersionManifest
from app.embedded.settings import STATE_VARIABLE
from tests.lambdas.fakes import assert_valid

FILE_SYSTEM = "fs-0123456789abcdef0"
TASK = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0"
LOGS = "/mask-rcnn/sagemaker/output/log"
SHARDS = {"train": ("a", "b"), "val": ("c",), "test": ("d",)}


@dataclasses.dataclass
class DataSync:
    """An execution that goes through the given states; (status, bytes written) at each look."""

    looks: list[tuple[str, int]]
    asked: list[dict] = dataclasses.field(default_factory=list)

    def start_task_execution(self, **request):
        assert_valid("datasync", "StartTaskExecution", request)
        self.asked.append(request)
        return {"TaskExecutionArn": f"{TASK}/execution/exec-0123456789abcdef0"}

    def describe_task_execution(self, TaskExecutionArn):
        assert TaskExecutionArn.startswith(TASK)
        status, written = self.looks.pop(0)
        result = {"Result": {"ErrorCode": "AccessDenied", "ErrorDetail": "no access to a.jpg"}}
        return {"Status": status, "BytesWritten": written, **(result if status == "ERROR" else {})}


@dataclasses.dataclass
class Stacks:
    """CloudFormation with the outputs of the data stack."""

    outputs: dict[str, str]

    def describe_stacks(self, StackName):
        assert StackName.endswith("-data")
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]}]}


@pytest.fixture
def efs(cloud, monkeypatch, tmp_path):
    """A deployment with a file system and one version; gives DataSync and the outputs."""
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    datasync, stacks = DataSync([]), Stacks({"FileSystemId": FILE_SYSTEM, "CopyTaskArn": TASK})
    others, own = cloud.pipeline.client, {"datasync": datasync, "cloudformation": stacks}
    cloud.pipeline = dataclasses.replace(cloud.pipeline, client=lambda name: own.get(name) or others(name))
    shards = {split: tuple(Shard(name, 1, 7) for name in names) for split, names in SHARDS.items()}
    cloud.put(keys.version_manifest("v1"), VersionManifest("v1", None, (), {}, shards, (), 0, 0, 0))
    for name in "abcde":
        cloud.put(keys.shard(name), f"shard {name}".encode())
    return datasync, stacks, tmp_path / "state/file-systems" / FILE_SYSTEM


def note(cloud):
    body = cloud.s3.get_object(Bucket="castings", Key=keys.version_copy("v1"))["Body"].read()
    return json.loads(body)


def test_in_an_account_datasync_copies_the_training_shards_and_a_note_says_so(app, cloud, efs):
    datasync, _, _ = efs
    datasync.looks = [("LAUNCHING", 0), ("TRANSFERRING", 9), ("SUCCESS", 21)]
    result = app("data", "copy", "v1", "--aws")

    assert result.exit_code == 0, result.stderr
    assert datasync.asked == [{"TaskArn": TASK, "Includes": [{
        "FilterType": "SIMPLE_PATTERN",
        "Value": "/dataset/shards/a.tfrecord|/dataset/shards/b.tfrecord|/dataset/shards/c.tfrecord"}]}]
    assert note(cloud)["file_system_id"] == FILE_SYSTEM
    assert f"3 shards of v1 (0.0 GB) are on {FILE_SYSTEM}." in result.stdout


def test_a_failed_copy_is_told_and_leaves_no_note(app, cloud, efs):
    datasync, _, _ = efs
    datasync.looks = [("ERROR", 3)]
    result = app("data", "copy", "v1", "--aws")

    assert result.exit_code == 1
    assert "DataSync failed (AccessDenied): no access to a.jpg: mend it and call again" in result.stderr
    assert keys.version_copy("v1") not in cloud.stored()


def test_without_the_task_the_setting_is_named(app, cloud, efs):
    del efs[1].outputs["CopyTaskArn"]
    result = app("data", "copy", "v1", "--aws")
    assert 'castline-dev-data has no DataSync task: set "storage": {"datasync": true} in cdk.json' in result.stderr


def test_on_this_machine_a_folder_stands_for_the_file_system(app, cloud, efs):
    _, stacks, root = efs
    stacks.outputs["LogDirectory"] = LOGS
    result = app("data", "copy", "v1")

    assert result.exit_code == 0, result.stderr
    assert {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*.tfrecord")} == {
        f"dataset/shards/{name}.tfrecord": f"shard {name}".encode() for name in "abc"}
    assert (root / LOGS.strip("/")).is_dir()
    cloud.put(keys.DATASET_HEAD, DatasetHead("v1", "run-1", "2026-11-21T07:00:00+00:00"))
    again = app("data", "copy", "--json")
    assert json.loads(again.stdout) == {"version": "v1", "shards": 3, "bytes": 21, "file_system": FILE_SYSTEM}
    assert note(cloud)["file_system_id"] == FILE_SYSTEM


def test_a_long_list_of_shards_becomes_their_folder(efs, cloud, monkeypatch):
    monkeypatch.setattr(file_system, "FILTER_CHARACTERS", 80)
    datasync, _, _ = efs
    datasync.looks = [("SUCCESS", 0)]
    in_account = dataclasses.replace(cloud.pipeline, embedded=False)
    file_system.copy(in_account, file_system.find(in_account), [keys.shard("a"), keys.shard("b"), keys.COCO], print)
    assert datasync.asked[0]["Includes"][0]["Value"] == "/dataset/shards|/mask-rcnn/sagemaker/input/train"


def test_progress_counts_every_byte_once(efs, cloud):
    datasync, _, _ = efs
    datasync.looks = [("TRANSFERRING", 5), ("TRANSFERRING", 5), ("VERIFYING", 12), ("SUCCESS", 12)]
    told = []
    in_account = dataclasses.replace(cloud.pipeline, embedded=False)
    file_system.copy(in_account, file_system.find(in_account), [keys.COCO], told.append)
    assert told == [5, 0, 7, 0]


def test_the_log_directory_can_be_made_before_there_is_a_version(app, cloud, efs):
    _, stacks, root = efs
    refused = app("data", "copy", "--only-logs")
    assert "set training.file_system.log_directory and deploy" in refused.stderr
    stacks.outputs["LogDirectory"] = LOGS
    result = app("data", "copy", "--only-logs")

    assert result.exit_code == 0, result.stderr
    assert [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()] == [
        "mask-rcnn/sagemaker/output/log/README.txt"]
    assert keys.version_copy("v1") not in cloud.stored()
