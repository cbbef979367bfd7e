"""The inbox: what lies in it, freezing it for a run, and emptying it of what a run has used."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead, SnapshotEntry, SnapshotSummary
from lambdas.aws.documents import DELETE_BATCH, Bucket
from lambdas.decisions.gate import Inbox
from lambdas.events import SnapshotResult

DELETIONS_AT_ONCE = 8
"""A million uploads are a thousand calls of about a second: one after the other they would outlast the function."""
SUPERSEDED = "superseded.jsonl"
"""Older versions below the frozen ones: deleted with them, for else they would come back as uploads."""


def look(bucket: Bucket) -> Inbox:
    """List the inbox; the listing is the truth, whatever events say."""
    inbox = Inbox()
    for item in bucket.objects(keys.INBOX):
        inbox = inbox.with_object(item["Key"], item["LastModified"])
    return inbox


def freeze(bucket: Bucket, run_id: str, *, forced: bool) -> SnapshotResult:
    """Write down exactly which object versions the run works on; a snapshot once complete is never redone.

    The marker is looked at before the listing and removed after it, in exactly that version: what was uploaded
    before it is in the listing, and a marker set meanwhile stays for the next run.
    """
    summary_key = keys.snapshot(run_id, "summary.json")
    done = bucket.find(SnapshotSummary, summary_key)
    if done is None:
        marker = bucket.newest_version(keys.READY_MARKER)
        head = bucket.find(DatasetHead, keys.DATASET_HEAD)
        objects, total_bytes = _write_lists(bucket, run_id)
        summary = SnapshotSummary(run_id, objects, total_bytes, head.document.version if head else None)
        bucket.write(summary_key, summary)
        if marker:
            bucket.delete_versions([(keys.READY_MARKER, marker)])
    else:
        summary = done.document
    return SnapshotResult(
        snapshot_key=keys.snapshot(run_id),
        parent_version=summary.parent_version,
        objects=summary.objects,
        total_bytes=summary.total_bytes,
        proceed=summary.objects > 0 or (forced and summary.parent_version is not None),
    )


def _write_lists(bucket: Bucket, run_id: str) -> tuple[int, int]:
    """Stream the listing to the two files of the snapshot; return the number of uploads and their bytes."""
    objects = total_bytes = 0
    frozen_key = ""
    with tempfile.TemporaryDirectory() as folder:
        manifest, superseded = Path(folder, "manifest.jsonl"), Path(folder, SUPERSEDED)
        with manifest.open("w") as frozen, superseded.open("w") as older:
            for version in bucket.versions(keys.INBOX):
                if not _is_upload(version["Key"]):
                    continue
                if version["IsLatest"]:
                    frozen_key = version["Key"]
                    objects, total_bytes = objects + 1, total_bytes + version["Size"]
                    frozen.write(documents.to_json(_entry(version)) + "\n")
                elif version["Key"] == frozen_key:  # not below a delete marker, which already hides it
                    older.write(documents.to_json(_entry(version)) + "\n")
        bucket.upload(keys.snapshot(run_id, SUPERSEDED), superseded)
        bucket.upload(keys.snapshot(run_id), manifest)
    return objects, total_bytes


def _is_upload(key: str) -> bool:
    return key != keys.READY_MARKER and not key.endswith("/")


def _entry(version: dict[str, Any]) -> SnapshotEntry:
    return SnapshotEntry(
        key=version["Key"],
        version_id=version["VersionId"],
        size_bytes=version["Size"],
        etag=version["ETag"].strip('"'),
        last_modified=version["LastModified"].isoformat(),
    )


def clear(bucket: Bucket, run_id: str) -> int:
    """Delete what the run has used, the older versions first so that none surfaces; safe to repeat."""
    deleted = 0
    with ThreadPoolExecutor(DELETIONS_AT_ONCE) as pool:
        for name in (SUPERSEDED, "manifest.jsonl"):
            batches = _batches(bucket.lines(keys.snapshot(run_id, name)))
            while together := list(itertools.islice(batches, DELETIONS_AT_ONCE)):
                list(pool.map(bucket.delete_versions, together))
                deleted += sum(map(len, together))
    return deleted


def _batches(lines: Iterator[bytes]) -> Iterator[list[tuple[str, str]]]:
    """As many (key, version id) as one call deletes."""
    while batch := list(itertools.islice(lines, DELETE_BATCH)):
        entries = (documents.from_json(SnapshotEntry, line) for line in batch)
        yield [(entry.key, entry.version_id) for entry in entries]
