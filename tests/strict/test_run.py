"""A whole run where IAM decides: every function, job, build and rule of it as its own role, with a customer's key."""

from __future__ import annotations

import time

import pytest

from app.client import runs, watching
from app.contracts import keys

from .conftest import Deployed

pytestmark = pytest.mark.faults
START_SECONDS = 300.0


def test_an_upload_becomes_a_champion_where_every_call_is_decided(deployed: Deployed) -> None:
    """Given the strict stacks, when the operator uploads, then the run is promoted: no grant is missing anywhere."""
    pipeline, known = deployed.pipeline, runs.run_ids(deployed.pipeline, 20)
    encryption = deployed.client("s3").get_bucket_encryption(Bucket=pipeline.bucket)
    rule = encryption["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert rule["SSEAlgorithm"] == "aws:kms", "the environment of the tests has a customer's key"
    for name in ("one.png", "two.png"):
        body = f"{name} {time.time_ns()}".encode()  # never the same: a second run over one state has news too
        pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=f"{keys.INBOX}{name}", Body=body)
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=keys.READY_MARKER, Body=b"")
    deadline = time.monotonic() + START_SECONDS
    while not (new := [run for run in runs.run_ids(pipeline, 20) if run not in known]):
        assert time.monotonic() < deadline, "no run began"
        time.sleep(0.2)
    ended = [event for event in watching.follow(pipeline, new[0]) if isinstance(event, watching.StateEnded)]
    record = runs.record(pipeline, new[0])
    assert record is not None
    assert (record.status, record.outcome) == ("SUCCEEDED", "PROMOTED"), record.cause
    assert [event.name for event in ended][-3:] == ["Verify", "Commit", "Finish"]
    champion = runs.champion(pipeline)
    assert champion is not None
    assert champion.run_id == new[0]
