"""What requests say about encryption and the network: each job with the key and isolated, or the reason why not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from app.contracts.settings import DataSettings, FileSystemSettings, PipelineSettings, Rung
from lambdas.environment import Environment
from lambdas.events import Attempt, EvaluateEvent, PrepareEvent, TrainEvent
from lambdas.requests import encryption, processing, serving, training
from tests.lambdas.builders import RUN_ID, serving_environment
from tests.lambdas.conftest import SETTINGS, variables
from tests.lambdas.fakes import assert_valid
from tests.lambdas.requests.test_requests import ARTIFACT, WAITING

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DISKLESS = Rung(("ml.m5.xlarge", "ml.p3.2xlarge"), spot=False)
WITH_DISK = Rung(("ml.m5.xlarge", "ml.g5.xlarge"), spot=False)


def here(settings: PipelineSettings = SETTINGS, key: str = KEY) -> Environment:
    return Environment.read({**variables(settings), "CASTLINE_KEY_ARN": key})


def train(environment: Environment, *, on_file_system: bool = False) -> dict[str, Any]:
    event = TrainEvent(**WAITING, version="v1", attempt=Attempt())
    request = training.request(environment, event, on_file_system=on_file_system)
    assert_valid("sagemaker", "CreateTrainingJob", request)
    return request


def with_training(**values: Any) -> PipelineSettings:
    return dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, **values))


def prepare(environment: Environment) -> dict[str, Any]:
    event = PrepareEvent(**WAITING, snapshot_key="runs/r/snapshot/manifest.jsonl", parent_version=None)
    return valid(processing.prepare(environment, event).request(environment, "castline-dev-r-prepare-1"))


def evaluate(environment: Environment) -> dict[str, Any]:
    event = EvaluateEvent(**WAITING, version="v1", model_artifact=ARTIFACT)
    return valid(processing.evaluate(environment, event, None).request(environment, "castline-dev-r-evaluate-1"))


def valid(request: dict[str, Any]) -> dict[str, Any]:
    assert_valid("sagemaker", "CreateProcessingJob", request)
    return request


def test_given_a_key_when_jobs_are_requested_then_their_outputs_and_volumes_are_encrypted_with_it() -> None:
    trained = train(here(with_training(ladder=(DISKLESS,))))
    assert trained["OutputDataConfig"]["KmsKeyId"] == KEY
    assert trained["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    for request in (prepare(here()), evaluate(here())):
        assert request["ProcessingOutputConfig"]["KmsKeyId"] == KEY
        assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == KEY


def test_given_a_rung_with_one_type_that_has_disks_when_requested_then_no_key_is_asked_for_volumes() -> None:
    request = train(here(with_training(ladder=(WITH_DISK,))))
    assert "VolumeKmsKeyId" not in request["ResourceConfig"]
    assert request["OutputDataConfig"]["KmsKeyId"] == KEY


def test_given_no_key_when_jobs_are_requested_then_none_is_named() -> None:
    without = here(key="")
    requests = (train(without), prepare(without), evaluate(without))
    assert "KmsKeyId" not in str(requests)


@pytest.mark.parametrize(("instance_type", "has_disk"), [
    ("ml.g4dn.2xlarge", True), ("ml.g5.xlarge", True), ("ml.g6.xlarge", True), ("ml.g6e.12xlarge", True),
    ("ml.gr6.4xlarge", True), ("ml.g7.2xlarge", True), ("ml.g7e.2xlarge", True), ("ml.p4d.24xlarge", True),
    ("ml.p4de.24xlarge", True), ("ml.p5.48xlarge", True), ("ml.p5en.48xlarge", True), ("ml.m5d.large", True),
    ("ml.c6gd.xlarge", True), ("ml.r5dn.xlarge", True), ("ml.trn1n.32xlarge", True), ("ml.i3en.xlarge", True),
    ("ml.m5.xlarge", False), ("ml.m5n.xlarge", False), ("ml.c5.2xlarge", False), ("ml.c6g.large", False),
    ("ml.r5.xlarge", False), ("ml.p3.2xlarge", False), ("ml.inf2.xlarge", False), ("ml.t3.medium", False),
])  # fmt: skip
def test_given_an_instance_type_when_a_volume_is_asked_for_then_local_disks_are_known(
    instance_type: str, has_disk: bool
) -> None:
    assert encryption.volume(here(), instance_type) == ({} if has_disk else {"VolumeKmsKeyId": KEY})


def test_given_any_setting_when_jobs_are_requested_then_only_those_that_need_a_network_have_one() -> None:
    mounted = with_training(file_system=FileSystemSettings(data=True))
    logging = with_training(file_system=FileSystemSettings(log_directory="/logs"))
    assert {
        "train": train(here())["EnableNetworkIsolation"],
        "train, several hosts": train(here(with_training(instance_count=2)))["EnableNetworkIsolation"],
        "train, FastFile": train(here(with_training(input_mode="FastFile")))["EnableNetworkIsolation"],
        "train, shards on EFS": train(here(mounted), on_file_system=True)["EnableNetworkIsolation"],
        "train, logs on EFS": train(here(logging))["EnableNetworkIsolation"],
        "prepare": prepare(here())["NetworkConfig"]["EnableNetworkIsolation"],
        "evaluate": evaluate(here())["NetworkConfig"]["EnableNetworkIsolation"],
    } == {
        "train": True, "train, several hosts": True, "train, FastFile": True, "train, shards on EFS": False,
        "train, logs on EFS": False, "prepare": False, "evaluate": True,
    }  # fmt: skip


def test_given_any_job_when_requested_then_it_runs_in_the_subnets_without_internet() -> None:
    private = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert train(here())["VpcConfig"] == private
    assert prepare(here())["NetworkConfig"]["VpcConfig"] == private
    assert evaluate(here())["NetworkConfig"]["VpcConfig"] == private


@pytest.mark.parametrize("hosts", [1, 2])
def test_given_several_hosts_when_requested_then_what_they_say_to_each_other_is_encrypted(hosts: int) -> None:
    several = dataclasses.replace(with_training(instance_count=hosts), data=DataSettings(instances=hosts))
    assert train(here(several))["EnableInterContainerTrafficEncryption"] is (hosts > 1)
    assert prepare(here(several))["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is (hosts > 1)
    assert evaluate(here(several))["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is False


def config(**values: Any) -> dict[str, Any]:
    request = serving.endpoint_config(dataclasses.replace(serving_environment(**values), key_arn=KEY), RUN_ID)
    assert_valid("sagemaker", "CreateEndpointConfig", request)
    return request


def test_given_a_key_when_machines_serve_then_their_volumes_answers_and_captures_are_encrypted_with_it() -> None:
    captured = config(mode="realtime", instance_type="ml.m5.xlarge", capture_percent=10)
    assert (captured["KmsKeyId"], captured["DataCaptureConfig"]["KmsKeyId"]) == (KEY, KEY)
    answers = config(mode="async", instance_type="ml.m5.xlarge")
    assert (answers["KmsKeyId"], answers["AsyncInferenceConfig"]["OutputConfig"]["KmsKeyId"]) == (KEY, KEY)


def test_given_a_key_when_it_cannot_be_asked_for_then_the_configuration_names_none() -> None:
    assert "KmsKeyId" not in config(mode="realtime", instance_type="ml.g5.xlarge")
    assert "KmsKeyId" not in config(mode="serverless")


def test_given_another_key_when_machines_serve_then_it_is_another_configuration() -> None:
    here = serving_environment(mode="realtime", instance_type="ml.m5.xlarge")
    assert serving.name(here, RUN_ID) != serving.name(dataclasses.replace(here, key_arn=KEY), RUN_ID)
