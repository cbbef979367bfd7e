"""The copy from the bucket to the file system: only when asked for, least rights, nothing deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.conftest import Synthesized, under_the_rules

DATASYNC = "AWS::DataSync::"
LOGS = "/mask-rcnn/sagemaker/output/log"
SETTINGS = {"storage": {"datasync": True}, "training": {"file_system": {"data": True, "log_directory": LOGS}}}


@pytest.fixture(scope="module")
def copying(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The development environment with a copy task, under the security rules."""
    return under_the_rules("dev", tmp_path_factory.mktemp("copying"), SETTINGS)


def test_without_the_setting_there_is_no_datasync_and_no_way_to_the_file_system(dev: Any) -> None:
    assert not [r["Type"] for _, _, r in dev.everything() if r["Type"].startswith(DATASYNC)]
    assert len(dev.of_type("network", "AWS::EC2::SecurityGroup")) == 2
    roles = json.dumps([statement for _, statement in dev.statements()])
    assert "elasticfilesystem" not in roles


def test_the_task_goes_from_the_bucket_to_the_file_system_and_deletes_nothing(copying: Synthesized) -> None:
    task = copying.only("data", "AWS::DataSync::Task")["Properties"]
    (source,) = copying.of_type("data", "AWS::DataSync::LocationS3")
    (target,) = copying.of_type("data", "AWS::DataSync::LocationEFS")
    assert task["SourceLocationArn"] == {"Fn::GetAtt": [source, "LocationArn"]}
    assert task["DestinationLocationArn"] == {"Fn::GetAtt": [target, "LocationArn"]}
    assert task["Options"]["PreserveDeletedFiles"] == "PRESERVE"
    assert task["Options"]["VerifyMode"] == "ONLY_FILES_TRANSFERRED"
    assert "Schedule" not in task
    assert "Subdirectory" not in copying.only("data", "AWS::DataSync::LocationS3")["Properties"]
    outputs = copying.templates["data"]["Outputs"]
    assert outputs["CopyTaskArn"]["Value"] == {"Fn::GetAtt": [
        next(iter(copying.of_type("data", "AWS::DataSync::Task"))), "TaskArn"]}


def test_datasync_reads_data_sets_coco_and_logs_and_writes_no_object(copying: Synthesized) -> None:
    statements = [s for key, s in copying.statements() if key.startswith("CopyReads")]
    actions = {action for s in statements for action in s["Action"]}
    assert actions == {"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetObject",
                       "s3:ListMultipartUploadParts"}
    (objects,) = (s for s in statements if "s3:GetObject" in s["Action"])
    assert [r["Fn::Join"][1][-1] for r in objects["Resource"]] == [
        "/dataset/*", "/mask-rcnn/sagemaker/input/train/*", "/mask-rcnn/sagemaker/output/log/*"]


def test_copies_and_jobs_reach_the_file_system_through_nfs_and_nobody_else(copying: Synthesized) -> None:
    groups = copying.of_type("network", "AWS::EC2::SecurityGroup")
    (copies,) = (key for key in groups if "Copies" in key)
    (file_system,) = (key for key in groups if "FileSystem" in key)
    inward = [r["Properties"] for r in copying.of_type("network", "AWS::EC2::SecurityGroupIngress").values()
              if r["Properties"]["GroupId"] == {"Fn::GetAtt": [file_system, "GroupId"]}]
    assert {rule["FromPort"] for rule in inward} == {2049}
    assert len(inward) == 2
    (outward,) = (r["Properties"] for r in copying.of_type("network", "AWS::EC2::SecurityGroupEgress").values()
                  if r["Properties"]["GroupId"] == {"Fn::GetAtt": [copies, "GroupId"]})
    assert (outward["FromPort"], outward["ToPort"]) == (2049, 2049)
    assert outward["DestinationSecurityGroupId"] == {"Fn::GetAtt": [file_system, "GroupId"]}


def test_functions_know_the_file_system_and_jobs_may_look_it_up(copying: Synthesized) -> None:
    functions = copying.of_type("pipeline", "AWS::Lambda::Function").values()
    ids = {json.dumps(f["Properties"]["Environment"]["Variables"]["CASTLINE_FILE_SYSTEM"]) for f in functions}
    assert len(ids) == 1
    assert "Fn::ImportValue" in ids.pop()
    (mounts,) = (s for _, s in copying.statements() if "elasticfilesystem:DescribeMountTargets" in s["Action"])
    assert mounts["Action"] == ["elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets"]
    assert mounts["Resource"]["Fn::Join"][1][-2].endswith(":file-system/")
