"""Freezing the inbox, and emptying it of exactly what was frozen."""

from __future__ import annotations

from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead, SnapshotEntry
from lambdas import snapshot
from lambdas.aws import inbox
from lambdas.aws.documents import Bucket, DeletionError
from tests.lambdas.builders import RUN_ID
from tests.lambdas.conftest import BUCKET, Aws


def freeze(*, forced: bool = False) -> dict[str, Any]:
    return snapshot.handler({"run_id": RUN_ID, "forced": forced}, None)


def frozen(aws: Aws, name: str = "manifest.jsonl") -> list[tuple[str, str]]:
    lines = aws.bucket.lines(keys.snapshot(RUN_ID, name))
    entries = [documents.from_json(SnapshotEntry, line) for line in lines]
    return [(entry.key, entry.version_id) for entry in entries]


def test_given_uploads_when_frozen_then_exactly_the_newest_versions_are_listed(aws: Aws) -> None:
    older, newer = aws.put("inbox/a.jpg", b"1"), aws.put("inbox/a.jpg", b"22")
    other = aws.put("inbox/set/b.jpg", b"333")
    aws.put("inbox/set/", b"")
    result = freeze()
    assert frozen(aws) == [("inbox/a.jpg", newer), ("inbox/set/b.jpg", other)]
    assert frozen(aws, "superseded.jsonl") == [("inbox/a.jpg", older)]
    assert (result["objects"], result["total_bytes"], result["proceed"]) == (2, 5, True)


def test_given_a_deleted_upload_when_frozen_then_it_stays_deleted(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    aws.s3.delete_object(Bucket=BUCKET, Key="inbox/a.jpg")
    assert freeze()["objects"] == 0
    inbox.clear(aws.bucket, RUN_ID)
    assert aws.inbox() == []


def test_given_a_snapshot_when_frozen_again_then_later_uploads_do_not_slip_in(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    first = freeze()
    aws.put("inbox/b.jpg")
    assert freeze() == first
    assert [key for key, _ in frozen(aws)] == ["inbox/a.jpg"]


@pytest.mark.parametrize(("forced", "head", "proceed"), [
    (False, False, False), (True, False, False), (False, True, False), (True, True, True),
])  # fmt: skip
def test_given_no_uploads_when_frozen_then_only_a_forced_run_on_old_data_goes_on(
    aws: Aws, forced: bool, head: bool, proceed: bool
) -> None:
    if head:
        aws.put(keys.DATASET_HEAD, DatasetHead("v1", "r0", "t"))
    result = freeze(forced=forced)
    assert result["proceed"] is proceed
    assert result["parent_version"] == ("v1" if head else None)


def test_given_the_marker_when_frozen_then_it_is_consumed_and_no_upload(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    aws.put(keys.READY_MARKER)
    freeze()
    assert aws.inbox() == ["inbox/a.jpg"]
    assert [key for key, _ in frozen(aws)] == ["inbox/a.jpg"]


def test_given_a_later_marker_when_frozen_then_it_survives(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put("inbox/a.jpg")
    aws.put(keys.READY_MARKER, b"first")
    listing = Bucket.versions

    def versions_while_somebody_uploads(self: Bucket, prefix: str) -> Any:
        aws.put(keys.READY_MARKER, b"second")
        return listing(self, prefix)

    monkeypatch.setattr(Bucket, "versions", versions_while_somebody_uploads)
    freeze()
    assert aws.bucket.read_bytes(keys.READY_MARKER) == b"second"


def test_given_a_used_snapshot_when_cleared_then_only_its_versions_leave_and_none_resurfaces(aws: Aws) -> None:
    aws.put("inbox/a.jpg", b"old")
    aws.put("inbox/a.jpg", b"used")
    aws.put("inbox/b.jpg", b"used")
    freeze()
    aws.put("inbox/b.jpg", b"uploaded during the run")
    aws.put("inbox/c.jpg", b"uploaded during the run")
    assert inbox.clear(aws.bucket, RUN_ID) == 3
    assert aws.inbox() == ["inbox/b.jpg", "inbox/c.jpg"]
    assert aws.bucket.read_bytes("inbox/b.jpg") == b"uploaded during the run"


def test_given_a_cleared_inbox_when_cleared_again_then_nothing_else_goes(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    freeze()
    inbox.clear(aws.bucket, RUN_ID)
    aws.put("inbox/a.jpg", b"again")
    inbox.clear(aws.bucket, RUN_ID)
    assert aws.inbox() == ["inbox/a.jpg"]


def test_given_more_uploads_than_one_call_deletes_when_cleared_then_all_batches_go(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "DELETE_BATCH", 2)
    for index in range(5):
        aws.put(f"inbox/{index}.jpg")
    freeze()
    assert inbox.clear(aws.bucket, RUN_ID) == 5
    assert aws.inbox() == []


def test_given_s3_keeps_an_upload_when_cleared_then_the_commit_fails_and_is_repeated(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stubborn:
        def delete_objects(self, **_: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": "inbox/a.jpg", "Code": "InternalError", "Message": "try again"}]}

    monkeypatch.setattr("lambdas.aws.documents.client", lambda _: Stubborn())
    with pytest.raises(DeletionError, match=r"inbox/a\.jpg: InternalError"):
        aws.bucket.delete_versions([("inbox/a.jpg", "v")])
