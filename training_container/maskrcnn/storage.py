"""The object store as the programs see it: exact versions in, immutable objects out; all of boto3 is here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from app.contracts import keys

DOWNLOAD_THREADS = 16
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})


class ObjectNotFoundError(FileNotFoundError):
    """The object, or that version of it, is not in the store."""


class Store(Protocol):
    """What the programs need of an object store; keys are spelled by contracts.keys."""

    def read(self, key: str) -> bytes:
        """The bytes of the newest version.

        Raises:
            ObjectNotFoundError: there is none.
        """

    def download(self, key: str, target: Path, version_id: str = "") -> None:
        """Write exactly that version (the newest when empty) to `target`, whose folder exists.

        Raises:
            ObjectNotFoundError: there is no such object or version.
        """

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """Write an object."""

    def upload(self, key: str, source: Path) -> None:
        """Write an object from a file of any size."""

    def exists(self, key: str) -> bool:
        """True when the key has an object."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys with that prefix, in order."""

    def uri(self, key: str) -> str:
        """The address of an object or a prefix for others: s3://bucket/key."""


class S3Store:
    """One S3 bucket; AWS_ENDPOINT_URL and the credentials are boto3's own business.

    The client is shared by threads, which boto3 allows.
    """

    def __init__(self, bucket: str, client: Any = None) -> None:
        self._bucket = bucket
        self._s3 = client or boto3.client(
            "s3",
            config=Config(max_pool_connections=DOWNLOAD_THREADS, retries={"mode": "standard", "max_attempts": 6}),
        )

    def read(self, key: str) -> bytes:
        """See Store."""
        with self._finding(key):
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def download(self, key: str, target: Path, version_id: str = "") -> None:
        """See Store; a managed transfer, so that memory stays flat whatever the size."""
        extra = {"VersionId": version_id} if version_id else {}
        with self._finding(f"{key} (version {version_id})" if version_id else key):
            self._s3.download_file(self._bucket, key, str(target), ExtraArgs=extra)

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """See Store."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)

    def upload(self, key: str, source: Path) -> None:
        """See Store."""
        self._s3.upload_file(str(source), self._bucket, key)

    def exists(self, key: str) -> bool:
        """See Store."""
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _is_absent(error):
                return False
            raise
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """See Store."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"]

    def uri(self, key: str) -> str:
        """See Store."""
        return keys.uri(self._bucket, key)

    def _finding(self, what: str) -> _AbsentAsNotFound:
        return _AbsentAsNotFound(f"s3://{self._bucket}/{what}")


class _AbsentAsNotFound:
    """Turns boto3's several ways to say `absent` into ObjectNotFoundError."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ClientError) and _is_absent(error):
            raise ObjectNotFoundError(f"{self._what}: not in the bucket: was it deleted?") from error


def _is_absent(error: ClientError) -> bool:
    return str(error.response.get("Error", {}).get("Code", "")) in _ABSENT
