"""The EFS file system beside the bucket: what was copied there, and where it lies."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class FileSystemCopy:
    """dataset/versions/<version>/file-system.json: this version's shards are on the file system, all of them."""

    file_system_id: str
    copied_at: str
    """UTC, ISO 8601."""


def directory(prefix: str) -> str:
    """Where the objects below an S3 prefix lie: the file system mirrors the bucket's keys.

    >>> directory("mask-rcnn/sagemaker/input/train/")
    '/mask-rcnn/sagemaker/input/train'
    """
    return f"/{prefix.strip('/')}"
