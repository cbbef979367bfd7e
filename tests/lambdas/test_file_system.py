"""Which versions training reads from the file system."""

from __future__ import annotations

import dataclasses

import pytest

from app.contracts import keys
from app.contracts.file_system import FileSystemCopy, directory
from app.contracts.settings import FileSystemSettings
from lambdas import environment, start_training
from lambdas.aws import file_system
from tests.lambdas.builders import IMAGE, RUN_ID
from tests.lambdas.conftest import SETTINGS, Aws

HERE = FileSystemCopy("fs-0123456789abcdef0", "2026-11-21T13:00:00+00:00")
READING = dataclasses.replace(
    SETTINGS, training=dataclasses.replace(SETTINGS.training, file_system=FileSystemSettings(data=True)))


@pytest.mark.parametrize(("settings", "note", "holds"), [
    (READING, HERE, True),
    (READING, None, False),
    (READING, dataclasses.replace(HERE, file_system_id="fs-aaaaaaaaaaaaaaaaa"), False),
    (SETTINGS, HERE, False),
], ids=["copied", "not copied", "copied to another", "not asked for"])
def test_a_version_is_read_from_the_file_system_only_when_it_was_copied_to_it(aws: Aws, settings, note, holds) -> None:
    aws.configure(settings)
    if note:
        aws.bucket.write(keys.version_copy("v1"), note)
    assert file_system.holds(environment.current(), "v1") is holds
    assert file_system.holds(environment.current(), "v2") is False


def test_directories_mirror_the_keys_of_the_bucket() -> None:
    assert directory(keys.COCO) == "/mask-rcnn/sagemaker/input/train"
    assert directory("dataset/a") == "/dataset/a"


def test_the_state_train_asks_before_it_creates_the_job(aws: Aws) -> None:
    aws.configure(READING)
    aws.bucket.write(keys.version_copy("v1"), HERE)
    aws.hold()
    for version, attempt in (("v1", 1), ("v2", 2)):
        start_training.handler({
            "token": "t", "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE, "version": version,
            "attempt": {"number": attempt}}, None)  # fmt: skip
    sources = [request["InputDataConfig"][0]["DataSource"] for request in aws.sagemaker.training.values()]
    assert [list(source) for source in sources] == [["FileSystemDataSource"], ["S3DataSource"]]
