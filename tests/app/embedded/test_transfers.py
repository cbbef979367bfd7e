"""Checkpoints on their way to S3 while the program goes on writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError

from app.embedded.sagemaker.transfers import Mirror


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
