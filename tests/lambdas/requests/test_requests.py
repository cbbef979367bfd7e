"""Every request that creates something in SageMaker, checked by botocore's service model."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from app.contracts.runs import Champion
from app.contracts.settings import (
    DataSettings,
    FileSystemSettings,
    PromotionSettings,
)
from lambdas.events import Attempt, EvaluateEvent, PrepareEvent, RegisterEvent, TrainEvent
from lambdas.requests import processing, serving, training
from tests.lambdas.builders import CHAMPION, IMAGE, RUN_ID, SETTINGS, environment
from tests.lambdas.fakes import assert_valid

WAITING: dict[str, Any] = {"token": "t", "execution_arn": "arn", "run_id": RUN_ID, "image_uri": IMAGE}
ARTIFACT = f"s3://castline-dev-data/runs/{RUN_ID}/model/job/output/model.tar.gz"


def train(attempt: Attempt = Attempt()) -> dict[str, Any]:  # noqa: B008
    request = training.request(environment(), TrainEvent(**WAITING, version="v1", attempt=attempt))
    assert_valid("sagemaker", "CreateTrainingJob", request)
    return request


def test_given_a_spot_rung_when_training_is_requested_then_spot_limits_and_checkpoints_are_there() -> None:
    request = train()
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert request["CheckpointConfig"] == {
        "S3Uri": f"s3://castline-dev-data/runs/{RUN_ID}/checkpoints/", "LocalPath": "/opt/ml/checkpoints"
    }  # fmt: skip
    assert request["ResourceConfig"] == {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100}
    assert request["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert request["TrainingJobName"] == f"castline-dev-{RUN_ID}-train-1"
    assert {tag["Key"]: tag["Value"] for tag in request["Tags"]} == {
        "castline:environment": "dev", "castline:run": RUN_ID
    }  # fmt: skip


def test_given_an_on_demand_rung_when_training_is_requested_then_preferences_replace_spot() -> None:
    request = train(Attempt(number=2, rung=1))
    assert request["EnableManagedSpotTraining"] is False
    assert "MaxWaitTimeInSeconds" not in request["StoppingCondition"]
    assert [p["InstanceType"] for p in request["ResourceConfig"]["InstancePreferences"]] == [
        "ml.g5.xlarge", "ml.g6.xlarge"
    ]  # fmt: skip
    assert "InstanceType" not in request["ResourceConfig"]


@pytest.mark.parametrize("rung", [0, 1])
def test_given_several_hosts_when_training_is_requested_then_every_rung_asks_for_them(rung: int) -> None:
    several = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, instance_count=3))
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt(rung=rung))
    request = training.request(environment(several), event)
    assert_valid("sagemaker", "CreateTrainingJob", request)
    resources = request["ResourceConfig"]
    assert {each["InstanceCount"] for each in resources.get("InstancePreferences", [resources])} == {3}


def test_given_two_attempts_when_requested_then_they_share_checkpoints_and_differ_in_name() -> None:
    first, second = train(), train(Attempt(number=2, rung=1))
    assert first["CheckpointConfig"] == second["CheckpointConfig"]
    assert first["TrainingJobName"] != second["TrainingJobName"]


def test_given_settings_when_training_is_requested_then_hyperparameters_are_strings_with_run_and_version() -> None:
    assert train(Attempt(memory_errors=1))["HyperParameters"] == {
        "preset": "r50", "batch_size_per_gpu": "4", "batch_halvings": "1", "run_id": RUN_ID, "version": "v1"
    }  # fmt: skip


def test_given_a_run_with_its_own_hyperparameters_when_training_is_requested_then_they_win() -> None:
    own = {"batch_size_per_gpu": "8", "epochs": "1"}
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt(memory_errors=1), hyperparameters=own)
    sent = training.request(environment(), event)["HyperParameters"]
    assert (sent["preset"], sent["epochs"], sent["batch_size_per_gpu"]) == ("r50", "1", "8")
    assert sent["batch_halvings"] == "1"


def test_given_a_version_when_training_is_requested_then_the_test_split_is_no_channel() -> None:
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in train()["InputDataConfig"]}
    root = "s3://castline-dev-data/dataset/versions/v1"
    assert channels == {
        "train": f"{root}/train.manifest", "val": f"{root}/val.manifest", "dataset": f"{root}/manifest.json"
    }  # fmt: skip
    kinds = [c["DataSource"]["S3DataSource"]["S3DataType"] for c in train()["InputDataConfig"]]
    assert kinds == ["ManifestFile", "ManifestFile", "S3Prefix"]


@pytest.mark.parametrize("name", ["backbone_weights", "load_model", "config:BACKBONE.WEIGHTS"])
def test_given_weights_to_start_from_when_training_is_requested_then_they_are_a_channel(name: str) -> None:
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt(), hyperparameters={name: "R50.npz"})
    request = training.request(environment(), event)
    assert_valid("sagemaker", "CreateTrainingJob", request)
    last = request["InputDataConfig"][-1]
    assert last["ChannelName"] == "weights"
    assert last["DataSource"]["S3DataSource"]["S3Uri"] == "s3://castline-dev-data/dataset/weights/"


def test_given_an_empty_name_of_weights_when_training_is_requested_then_there_is_no_such_channel() -> None:
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt(), hyperparameters={"load_model": ""})
    names = [c["ChannelName"] for c in training.request(environment(), event)["InputDataConfig"]]
    assert names == ["train", "val", "dataset"]


def training_with(*, on_file_system: bool = False, **values: Any) -> list[dict[str, Any]]:
    """The channels that training gets under these settings."""
    settings = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, **values))
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt())
    request = training.request(environment(settings), event, on_file_system=on_file_system)
    assert_valid("sagemaker", "CreateTrainingJob", request)
    return request["InputDataConfig"]


def test_given_fast_file_when_training_is_requested_then_shards_are_streamed_and_small_files_copied() -> None:
    modes = {c["ChannelName"]: c["InputMode"] for c in training_with(input_mode="FastFile")}
    assert modes == {"train": "FastFile", "val": "FastFile", "dataset": "File"}
    assert {c["InputMode"] for c in training_with()} == {"File"}


def test_given_a_version_on_the_file_system_when_training_is_requested_then_its_shards_are_mounted_read_only() -> None:
    channels = training_with(on_file_system=True, input_mode="FastFile", file_system=FileSystemSettings(data=True))
    sources = {c["ChannelName"]: (c["DataSource"], c["InputMode"]) for c in channels}
    for split in ("train", "val"):
        assert sources[split] == ({"FileSystemDataSource": {
            "FileSystemId": "fs-0123456789abcdef0", "FileSystemType": "EFS", "FileSystemAccessMode": "ro",
            "DirectoryPath": "/dataset/shards",
        }}, "File")  # fmt: skip
    assert "S3DataSource" in sources["dataset"][0]


def test_given_a_log_directory_when_training_is_requested_then_it_is_mounted_for_writing() -> None:
    channels = training_with(file_system=FileSystemSettings(log_directory="/mask-rcnn/sagemaker/output/log"))
    assert [c["ChannelName"] for c in channels] == ["train", "val", "dataset", "log"]
    assert channels[-1]["DataSource"]["FileSystemDataSource"] == {
        "FileSystemId": "fs-0123456789abcdef0", "FileSystemType": "EFS", "FileSystemAccessMode": "rw",
        "DirectoryPath": "/mask-rcnn/sagemaker/output/log",
    }  # fmt: skip
    assert "S3DataSource" in channels[0]["DataSource"]


def inputs(request: dict[str, Any]) -> dict[str, str]:
    return {
        i["InputName"]: i["S3Input"]["S3Uri"].removeprefix("s3://castline-dev-data/")
        for i in request["ProcessingInputs"]
        if i["S3Input"]["LocalPath"] == f"/opt/ml/processing/input/{i['InputName']}"
    }


def test_given_a_snapshot_when_prepare_is_requested_then_it_gets_its_document_alone() -> None:
    event = PrepareEvent(**WAITING, snapshot_key="runs/r/snapshot/manifest.jsonl", parent_version=None)
    step = processing.prepare(environment(), event)
    request = step.request(environment(), "castline-dev-r-prepare-1")
    assert_valid("sagemaker", "CreateProcessingJob", request)
    assert inputs(request) == {"job": f"runs/{RUN_ID}/jobs/prepare/"}
    assert step.document_key == f"runs/{RUN_ID}/jobs/prepare/job.json"
    assert request["AppSpecification"] == {"ImageUri": IMAGE, "ContainerEntrypoint": ["prepare"]}
    output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert (output["S3Uri"], output["S3UploadMode"]) == (f"s3://castline-dev-data/runs/{RUN_ID}/prepare", "EndOfJob")
    assert "VpcConfig" in request["NetworkConfig"]


def test_given_several_instances_when_prepare_is_requested_then_evaluate_still_has_one() -> None:
    here = environment(dataclasses.replace(SETTINGS, data=DataSettings(instances=3)))
    event = PrepareEvent(**WAITING, snapshot_key="runs/r/snapshot/manifest.jsonl", parent_version=None)
    judge = EvaluateEvent(**WAITING, version="v1", model_artifact=ARTIFACT)
    for step, count in ((processing.prepare(here, event), 3), (processing.evaluate(here, judge, None), 1)):
        request = step.request(here, "castline-dev-r-1")
        assert_valid("sagemaker", "CreateProcessingJob", request)
        assert request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == count


@pytest.mark.parametrize("champion", [None, CHAMPION])
def test_given_a_model_when_evaluation_is_requested_then_both_see_the_same_test_shards(
    champion: Champion | None,
) -> None:
    event = EvaluateEvent(**WAITING, version="v1", model_artifact=ARTIFACT)
    step = processing.evaluate(environment(), event, champion)
    request = step.request(environment(), "castline-dev-r-evaluate-1")
    assert_valid("sagemaker", "CreateProcessingJob", request)
    expected = {
        "job": f"runs/{RUN_ID}/jobs/evaluate/",
        "dataset": "dataset/versions/v1/manifest.json",
        "test": "dataset/versions/v1/test.manifest",
        "challenger": f"runs/{RUN_ID}/model/job/output/model.tar.gz",
    }
    assert inputs(request) == expected | ({"champion": "runs/old/model.tar.gz"} if champion else {})
    assert step.output_prefix == f"runs/{RUN_ID}/evaluation"


@pytest.mark.parametrize(("require", "status"), [(True, "PendingManualApproval"), (False, "Approved")])
def test_given_the_approval_setting_when_registered_then_a_person_is_asked_or_not(require: bool, status: str) -> None:
    settings = dataclasses.replace(SETTINGS, promotion=PromotionSettings(require_approval=require))
    event = RegisterEvent(**WAITING, version="v1", model_artifact=ARTIFACT, mask_ap=0.41234)
    request = serving.model_package(environment(settings), event)
    assert_valid("sagemaker", "CreateModelPackage", request)
    assert request["ModelApprovalStatus"] == status
    assert request["CustomerMetadataProperties"]["mask_ap"] == "0.4123"
    assert len(request["ClientToken"]) <= 36
