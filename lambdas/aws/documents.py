"""JSON documents in the data bucket, read as contracts and moved by conditional put."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError

from app.contracts import documents
from lambdas.aws.clients import client, code, is_absent

D = TypeVar("D")
JSON = "application/json"
DELETE_BATCH = 1000
"""What one DeleteObjects call takes."""


class ConflictError(Exception):
    """A conditional put found another version of the object than it expected."""


class DeletionError(Exception):
    """S3 kept some of the versions that were to be deleted; deleting again is safe."""


@dataclasses.dataclass(frozen=True)
class Found(Generic[D]):
    """A document with the ETag that a conditional put must meet."""

    document: D
    etag: str


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The data bucket."""

    name: str

    def find(self, kind: type[D], key: str) -> Found[D] | None:
        """Read a document with its ETag; None when there is none."""
        try:
            answer = client("s3").get_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return Found(documents.from_json(kind, answer["Body"].read()), answer["ETag"])

    def read(self, kind: type[D], key: str) -> D:
        """Read a document that must be there.

        Raises:
            FileNotFoundError: it is not.
        """
        found = self.find(kind, key)
        if found is None:
            raise FileNotFoundError(f"s3://{self.name}/{key}: not there: did the job that writes it succeed?")
        return found.document

    def find_bytes(self, key: str) -> bytes | None:
        """Read an object whole; None when there is none."""
        try:
            return self.read_bytes(key)
        except ClientError as error:
            if is_absent(error):
                return None
            raise

    def delete(self, key: str) -> None:
        """Delete an object; its versions stay."""
        client("s3").delete_object(Bucket=self.name, Key=key)

    def read_bytes(self, key: str) -> bytes:
        """Read an object whole."""
        body: bytes = client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def lines(self, key: str) -> Iterator[bytes]:
        """Read an object line by line, in flat memory; an absent one has no lines."""
        try:
            body = client("s3").get_object(Bucket=self.name, Key=key)["Body"]
        except ClientError as error:
            if is_absent(error):
                return
            raise
        yield from body.iter_lines()

    def write(self, key: str, document: Any) -> None:
        """Write a document."""
        self._put(key, document)

    def replace(self, key: str, document: Any, expected: Found[Any] | None) -> None:
        """Write a document only if the one there is still `expected` (None: only if there is none).

        Raises:
            ConflictError: somebody else wrote meanwhile.
        """
        condition = {"IfMatch": expected.etag} if expected else {"IfNoneMatch": "*"}
        try:
            self._put(key, document, **condition)
        except ClientError as error:
            if code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412") or is_absent(error):
                raise ConflictError(f"s3://{self.name}/{key}: changed by somebody else meanwhile") from error
            raise

    def _put(self, key: str, document: Any, **condition: str) -> None:
        body = documents.to_json(document, indent=2).encode()
        client("s3").put_object(Bucket=self.name, Key=key, Body=body, ContentType=JSON, **condition)

    def upload(self, key: str, source: Path) -> None:
        """Write an object from a file of any size."""
        client("s3").upload_file(str(source), self.name, key)

    def copy(self, source: str, target: str) -> bool:
        """Copy an object within the bucket; False when the source is absent."""
        try:
            client("s3").copy({"Bucket": self.name, "Key": source}, self.name, target)
        except ClientError as error:
            if is_absent(error):
                return False
            raise
        return True

    def newest_version(self, key: str) -> str | None:
        """Version id of the object as it is now; None when there is none."""
        try:
            return str(client("s3").head_object(Bucket=self.name, Key=key).get("VersionId", "null"))
        except ClientError as error:
            if is_absent(error):
                return None
            raise

    def versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        """All object versions below a prefix, key by key, each key's newest first; no delete markers."""
        pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            yield from page.get("Versions", ())

    def objects(self, prefix: str) -> Iterator[dict[str, Any]]:
        """All objects below a prefix."""
        pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", ())

    def delete_versions(self, versions: list[tuple[str, str]]) -> None:
        """Delete exactly these (key, version id) pairs, at most 1,000; those already gone do not matter.

        Raises:
            DeletionError: S3 kept one.
        """
        if not versions:
            return
        pairs = [{"Key": key, "VersionId": version_id} for key, version_id in versions]
        answer = client("s3").delete_objects(Bucket=self.name, Delete={"Objects": pairs, "Quiet": True})
        for kept in answer.get("Errors", ()):
            if kept.get("Code") not in ("NoSuchVersion", "NoSuchKey"):
                raise DeletionError(f"s3://{self.name}/{kept['Key']}: {kept.get('Code')}: {kept.get('Message')}")
