"""Copies between S3 and the folders of a job, as SageMaker makes them around a container."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, UnseekableStreamError

from app.contracts import archives
from app.contracts.keys import split_uri


class Transfers:
    """Uploads and downloads with one S3 client.

    Args:
        s3: A boto3 client; clients may be used by several threads.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def download(self, uri: str, folder: Path) -> int:
        """Fetch every object whose key begins with the prefix; returns how many.

        An object that is the prefix itself lands under its own name, as a SageMaker channel has it.
        """
        bucket, prefix = split_uri(uri)
        count = 0
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                key = found["Key"]
                if key.endswith("/"):
                    continue
                path = _place(folder, key[len(prefix) :].lstrip("/") or PurePosixPath(key).name)
                self._s3.download_file(bucket, key, str(path))
                count += 1
        return count

    def download_listed(self, uri: str, folder: Path) -> int:
        """Fetch the objects that a ManifestFile lists, under their names below its prefix; returns how many.

        0 when the list or one of its objects is absent: SageMaker then fails the whole channel.

        Source: SageMaker API reference, S3DataSource, S3Uri: `[{"prefix": "s3://..."}, "path/1", ...]`.
        """
        bucket, key = split_uri(uri)
        try:
            first, *names = json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            source, prefix = split_uri(first["prefix"])
            for name in names:
                path = _place(folder, name)
                self._s3.download_file(source, prefix + name, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return 0
            raise
        return len(names)

    def fetch(self, source: Mapping[str, str], folder: Path) -> int:
        """Fetch what an S3DataSource or S3Input names, by prefix or by list; returns how many objects."""
        how = self.download_listed if source.get("S3DataType") == "ManifestFile" else self.download
        return how(source["S3Uri"], folder)

    def upload(self, folder: Path, uri: str) -> int:
        """Upload every file below the folder; returns how many."""
        bucket, prefix = split_uri(uri)
        files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
        for path in files:
            self._s3.upload_file(str(path), bucket, _join(prefix, path.relative_to(folder).as_posix()))
        return len(files)

    def upload_archive(self, folder: Path, uri: str) -> None:
        """Pack the folder as tar.gz, as SageMaker packs /opt/ml/model."""
        bucket, key = split_uri(uri)
        with tempfile.TemporaryFile() as file:
            # Weights hardly shrink: the quickest compression serves.
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                archive.add(folder, arcname=".")
            file.seek(0)
            self._s3.upload_fileobj(file, bucket, key)

    def download_archive(self, uri: str, folder: Path) -> None:
        """Unpack a tar.gz, as SageMaker unpacks model data for serving."""
        bucket, key = split_uri(uri)
        with tempfile.TemporaryDirectory() as beside:
            archive = Path(beside) / "model.tar.gz"
            self._s3.download_file(bucket, key, str(archive))
            archives.unpack(archive, folder)


class Mirror:
    """Keeps an S3 prefix equal to a local folder: new and changed files go up, deleted ones are deleted.

    Args:
        s3: A boto3 client.
        folder: The local side, which leads.
        uri: The S3 side.
    """

    def __init__(self, s3: Any, folder: Path, uri: str) -> None:
        self._s3 = s3
        self._folder = folder
        self._bucket, self._prefix = split_uri(uri)
        self._sent = self._look()

    def push(self) -> None:
        """Bring S3 up to date with the folder; a file that vanishes or changes meanwhile is left for the next time."""
        present = self._look()
        for name, stamp in present.items():
            if self._sent.get(name) != stamp:
                try:
                    self._s3.upload_file(str(self._folder / name), self._bucket, _join(self._prefix, name))
                except (FileNotFoundError, S3UploadFailedError):  # the latter: changed
                    continue
                except UnseekableStreamError:  # over TLS, what is sent is read on the way: it vanished there
                    if (self._folder / name).exists():
                        raise
                    continue
                self._sent[name] = stamp
        for name in self._sent.keys() - present.keys():
            self._s3.delete_object(Bucket=self._bucket, Key=_join(self._prefix, name))
            del self._sent[name]

    def _look(self) -> dict[str, tuple[int, int]]:
        """Relative path -> (time of change in ns, size)."""
        stamps = {}
        for path in self._folder.rglob("*"):
            try:
                stat = path.stat()
            except FileNotFoundError:  # renamed between the listing and the look
                continue
            if path.is_file():
                stamps[path.relative_to(self._folder).as_posix()] = (stat.st_mtime_ns, stat.st_size)
        return stamps


def _place(folder: Path, name: str) -> Path:
    """Where an object of this name belongs; keys of S3 may hold what paths of a job may not."""
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise ValueError(f"{name}: the key of an object leads out of the folder of its input: rename the object")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _join(prefix: str, name: str) -> str:
    return f"{prefix.rstrip('/')}/{name}".lstrip("/")
