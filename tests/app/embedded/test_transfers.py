"""Checkpoints on their way to S3 while the program goes on writing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from app.embedded.sagemaker.transfers import Mirror, Transfers


class S3:
    """Keeps objects; one upload finds its file changed under it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failing: list[Exception] = []

    def upload_file(self, path: str, _bucket: str, key: str) -> None:
        if self.failing:
            raise self.failing.pop()
        self.objects[key] = Path(path).read_bytes()

    def delete_object(self, **where: Any) -> None:
        del self.objects[where["Key"]]


def test_given_a_file_that_changes_during_its_upload_then_the_next_round_sends_it(tmp_path: Path) -> None:
    s3 = S3()
    mirror = Mirror(s3, tmp_path, "s3://bucket/checkpoints/")
    (tmp_path / "step-1").write_bytes(b"one")
    s3.failing = [S3UploadFailedError("BadDigest")]
    mirror.push()
    assert s3.objects == {}
    mirror.push()
    assert s3.objects == {"checkpoints/step-1": b"one"}


def test_given_a_file_that_is_deleted_then_so_is_its_object(tmp_path: Path) -> None:
    s3 = S3()
    mirror = Mirror(s3, tmp_path, "s3://bucket/checkpoints/")
    (tmp_path / "step-1").write_bytes(b"one")
    mirror.push()
    (tmp_path / "step-1").unlink()
    (tmp_path / "step-2").write_bytes(b"two")
    mirror.push()
    assert s3.objects == {"checkpoints/step-2": b"two"}


class Listed:
    """An S3 with a list of objects."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def get_object(self, **where: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[where["Key"]])}

    def download_file(self, _bucket: str, key: str, path: str) -> None:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        Path(path).write_bytes(self.objects[key])


def test_given_a_listed_shard_that_is_gone_then_nothing_counts_as_fetched(tmp_path: Path) -> None:
    listed = json.dumps([{"prefix": "s3://bucket/dataset/shards/"}, "a.tfrecord", "gone.tfrecord"]).encode()
    s3 = Listed(**{"train.manifest": listed, "dataset/shards/a.tfrecord": b"A"})
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/train.manifest"}
    assert Transfers(s3).fetch(source, tmp_path) == 0


def test_given_a_list_of_shards_then_only_these_are_fetched(tmp_path: Path) -> None:
    listed = json.dumps([{"prefix": "s3://bucket/dataset/shards/"}, "a.tfrecord", "b/c.tfrecord"]).encode()
    objects = {"train.manifest": listed, "dataset/shards/a.tfrecord": b"A", "dataset/shards/b/c.tfrecord": b"C",
               "dataset/shards/other.tfrecord": b"X"}
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/train.manifest"}
    assert Transfers(Listed(**objects)).fetch(source, tmp_path) == 2
    assert {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.tfrecord")} == {
        "a.tfrecord": b"A", "b/c.tfrecord": b"C"}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil"])
def test_given_a_listed_name_that_leads_out_then_nothing_is_written_there(tmp_path: Path, name: str) -> None:
    listed = json.dumps([{"prefix": "s3://bucket/dataset/"}, name]).encode()
    s3 = Listed(**{"train.manifest": listed, f"dataset/{name}": b"X"})
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/train.manifest"}
    with pytest.raises(ValueError, match="leads out of the folder of its input"):
        Transfers(s3).fetch(source, tmp_path / "in/put")
    assert not list(tmp_path.rglob("evil"))
