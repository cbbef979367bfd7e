"""The Lambdas that see every upload, over an S3 that makes up its listing: calls, work, memory, sizes.

`python -m benchmarks.own.million SPEC` with SPEC as JSON: {"what": "freeze" | "look" | "clear", "keys": 1000000}. What
the network would take is not in it: multiply the calls by what a call takes.
"""

from __future__ import annotations

import datetime
import io
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from app.contracts import documents, keys
from app.contracts.dataset import SnapshotEntry
from lambdas.aws import documents as aws_documents
from lambdas.aws import inbox

PAGE = 1000
"""Keys that S3 lists, and deletes, in one call."""
BUCKET, RUN = "castline-prod-data-123456789012", "2026-11-21t12-00-00-000000"
WHEN = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)


class MadeUpS3:
    """As much of S3 as the inbox needs; remembers how often it was asked, and the size of what it was given."""

    def __init__(self, count: int) -> None:
        self.count, self.calls = count, 0
        self.written: dict[str, int] = {}
        self.snapshot = Path()

    def get_paginator(self, operation: str) -> MadeUpS3:
        """The pages of either listing."""
        self.member = "Versions" if operation == "list_object_versions" else "Contents"
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        """A page after the other."""
        for begin in range(0, self.count, PAGE):
            self.calls += 1
            yield {self.member: [_listed(n) for n in range(begin, min(begin + PAGE, self.count))]}

    def head_object(self, **_: str) -> Any:
        """There is no marker."""
        self.calls += 1
        raise ClientError({"Error": {"Code": "404"}}, "HeadObject")

    def get_object(self, **where: str) -> dict[str, Any]:
        """The snapshot, once there is one; nothing else."""
        self.calls += 1
        if self.snapshot.is_file() and where["Key"].endswith("manifest.jsonl"):
            return {"Body": _Body(self.snapshot), "ETag": "e"}
        raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")

    def put_object(self, **given: Any) -> None:
        """Remember the size."""
        self.calls += 1
        self.written[given["Key"]] = len(given["Body"])

    def upload_file(self, source: str, _bucket: str, key: str) -> None:
        """Remember the size."""
        self.calls += 1
        self.written[key] = Path(source).stat().st_size

    def delete_objects(self, **_: Any) -> dict[str, Any]:
        """Everything is gone."""
        self.calls += 1
        return {}


class _Body:
    """What get_object gives: lines out of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def iter_lines(self) -> Iterator[bytes]:
        """Line by line."""
        with io.open(self._path, "rb") as file:  # noqa: UP020
            yield from file


def _listed(n: int) -> dict[str, Any]:
    return {"Key": f"inbox/line-{n % 9}/2026-11/castings/train/img/cast_def_0_{n:07d}.jpeg", "IsLatest": True,
            "VersionId": f"{n:032d}", "Size": 65_536, "ETag": f'"{n:032x}"', "LastModified": WHEN}


def main() -> None:
    """Simulate one function."""
    spec = json.loads(sys.argv[1])
    s3 = MadeUpS3(spec["keys"])
    vars(aws_documents)["client"] = lambda _service: s3
    bucket = aws_documents.Bucket(BUCKET)
    if spec["what"] == "clear":
        s3.snapshot = Path(spec["folder"], "manifest.jsonl")
        with s3.snapshot.open("w") as file:
            for n in range(s3.count):
                item = _listed(n)
                file.write(documents.to_json(SnapshotEntry(item["Key"], item["VersionId"], 65_536, "e", "t")) + "\n")
    before, used = _peak_mb(), time.process_time()
    result: Any = None
    if spec["what"] == "freeze":
        result = documents.to_json(inbox.freeze(bucket, RUN, forced=False))
    elif spec["what"] == "look":
        result = repr(inbox.look(bucket))
    else:
        result = repr(inbox.clear(bucket, RUN))
    sizes = {name: s3.written.get(keys.snapshot(RUN, name), 0) for name in ("manifest.jsonl", "summary.json")}
    print(json.dumps({"cpu_seconds": time.process_time() - used, "calls": s3.calls, "answer_bytes": len(result),
                      "before_mb": before, "peak_mb": _peak_mb(), **sizes}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
