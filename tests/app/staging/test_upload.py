"""Uploads to S3: complete, in parts where they are large, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from app.staging import upload as module
from app.staging.upload import Sent, upload

PREFIX = "mask-rcnn/sagemaker/input/train/"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="data")
        yield client


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, str]]:
    contents = {"val2017/1.jpg": b"one", "val2017/2.jpg": b"two", "annotations/empty.json": b""}
    for name, body in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    return [(tmp_path / name, name) for name in contents]


def test_given_files_when_uploaded_then_each_lies_below_the_prefix(s3: Any, files: list[tuple[Path, str]]) -> None:
    told: list[int] = []
    assert upload(s3, "data", files, PREFIX, told.append) == Sent(3, 3, 6)
    bodies = {
        item["Key"]: s3.get_object(Bucket="data", Key=item["Key"])["Body"].read()
        for item in s3.list_objects_v2(Bucket="data")["Contents"]
    }
    assert bodies == {
        f"{PREFIX}val2017/1.jpg": b"one", f"{PREFIX}val2017/2.jpg": b"two", f"{PREFIX}annotations/empty.json": b""
    }  # fmt: skip
    assert sum(told) == 6


def test_given_an_upload_when_uploaded_again_then_only_what_differs_is_sent(
    s3: Any, files: list[tuple[Path, str]]
) -> None:
    upload(s3, "data", files, PREFIX)
    files[0][0].write_bytes(b"ONE")  # the same size, other bytes
    s3.delete_object(Bucket="data", Key=f"{PREFIX}val2017/2.jpg")
    assert upload(s3, "data", files, PREFIX) == Sent(3, 2, 6)
    assert s3.get_object(Bucket="data", Key=f"{PREFIX}val2017/1.jpg")["Body"].read() == b"ONE"
    assert upload(s3, "data", files, PREFIX) == Sent(3, 0, 0)


@pytest.mark.parametrize("size", [module.PART_BYTES - 1, module.PART_BYTES, 2 * module.PART_BYTES + 1])
def test_given_a_file_at_the_edge_of_parts_when_uploaded_then_it_is_recognised_again(
    s3: Any, tmp_path: Path, size: int
) -> None:
    (tmp_path / "large.zip").write_bytes(bytes(size))
    file = [(tmp_path / "large.zip", "large.zip")]
    assert upload(s3, "data", file, PREFIX) == Sent(1, 1, size)
    assert upload(s3, "data", file, PREFIX) == Sent(1, 0, 0)


def test_given_more_files_than_a_batch_when_uploaded_then_all_are_there(
    s3: Any, files: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    assert upload(s3, "data", files, PREFIX).sent == 3


def test_given_objects_whose_etags_say_nothing_when_uploaded_again_then_only_what_differs_is_sent(
    s3: Any, files: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = module._listed
    monkeypatch.setattr(module, "_listed", lambda *place: {  # as under a customer-managed key
        name: (size, f"{number:032x}") for number, (name, (size, _)) in enumerate(listed(*place).items())})
    upload(s3, "data", files, PREFIX)
    files[0][0].write_bytes(b"ONE")
    assert upload(s3, "data", files, PREFIX) == Sent(3, 1, 3)
    assert upload(s3, "data", files, PREFIX) == Sent(3, 0, 0)
