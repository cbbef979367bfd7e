"""A folder to an S3 prefix, many files at once; what is there already, byte for byte, is not sent again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from app.staging.progress import OnBytes

THREADS = 16
PART_BYTES = 16 << 20
TRANSFER = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
"""Fixed, because S3's ETag of a large object depends on the size of its parts."""
CONTENT = "castline-content"
"""Metadata of an object: what its ETag would be, had S3 encrypted it with a key of its own."""
BATCH = 2_000
"""Files that are handed to the threads at once: memory stays flat with their number."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """What an upload did."""

    files: int
    """All that were wanted."""
    sent: int
    """Those that had to be sent."""
    sent_bytes: int


def upload(
    s3: Any, bucket: str, files: Iterable[tuple[Path, str]], prefix: str, on_bytes: OnBytes = lambda _: None
) -> Sent:
    """Bring files to S3.

    Args:
        s3: A boto3 client; it is shared by threads.
        bucket: The bucket.
        files: (local file, key below the prefix).
        prefix: Where they go; ends with a slash.
        on_bytes: Told the size of each file that is in place.
    """
    there = _listed(s3, bucket, prefix)

    def put(path: Path, name: str) -> int:
        size, content = path.stat().st_size, etag(path)
        found = there.get(name, (-1, ""))
        is_there = found == (size, content) or (found[0] == size and _noted(s3, bucket, prefix + name) == content)
        sent = not is_there
        if sent:
            extra = {"Metadata": {CONTENT: content}}
            s3.upload_file(str(path), bucket, prefix + name, Config=TRANSFER, ExtraArgs=extra)
        on_bytes(size)
        return size if sent else -1

    sizes: list[int] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in _batches(files):
            sizes += pool.map(lambda file: put(*file), batch)
    sent = [size for size in sizes if size >= 0]
    return Sent(len(sizes), len(sent), sum(sent))


def etag(path: Path) -> str:
    """What S3 answers for this file: the MD5, or of a multipart upload the MD5 of the parts' MD5s and their number.

    Holds for objects that S3 encrypts with its own keys; those under a customer-managed key carry it as metadata.
    """
    parts = [hashlib.md5(part, usedforsecurity=False) for part in _parts(path)]
    if path.stat().st_size < PART_BYTES:
        return parts[0].hexdigest()
    joined = b"".join(part.digest() for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"


def _noted(s3: Any, bucket: str, key: str) -> str:
    return str(s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(CONTENT, ""))


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(PART_BYTES)
        while part := file.read(PART_BYTES):
            yield part


def _listed(s3: Any, bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Key below the prefix -> (size, ETag)."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        item["Key"].removeprefix(prefix): (item["Size"], item["ETag"].strip('"'))
        for page in pages
        for item in page.get("Contents", ())
    }


def _batches(files: Iterable[tuple[Path, str]]) -> Iterator[list[tuple[Path, str]]]:
    rest = iter(files)
    while batch := list(islice(rest, BATCH)):
        yield batch
