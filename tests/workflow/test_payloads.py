"""What travels through an execution does not grow with the number of uploads."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from app.contracts.dataset import ClassDefinition, PrepareResult
from tests.workflow.test_walks import go, job

KILOBYTE = 1024
PAYLOAD_LIMIT = 256 * KILOBYTE
"""Of Step Functions, for the input and the output of every state."""


def sizes(images: int, classes: int = 4) -> dict[str, int]:
    """Bytes of what each function is given, and of the execution's output, in a run that publishes a model."""
    named = tuple(ClassDefinition(n, f"defect-{n:03d}", "defect") for n in range(classes))
    prepared = PrepareResult(
        "0123456789abcdef", "fedcba9876543210", True, {"train": images, "val": images, "test": images},
        {c.name: images for c in named}, images, images // 20, images, named, ("coco",), 12_345.678)  # fmt: skip
    answers: dict[str, Any] = {
        "snapshot": {"snapshot_key": "runs/r1/snapshot/manifest.jsonl", "parent_version": "fedcba9876543210",
                     "objects": images, "total_bytes": 65_536 * images, "proceed": True},
        "start_prepare": job("processing", detail=json.loads(json.dumps(dataclasses.asdict(prepared)))),
    }  # fmt: skip
    done, calls = go(**answers)
    assert done.status == "SUCCEEDED"
    given = {name: len(json.dumps(event)) for name, events in calls.asked.items() for event in events}
    return {**given, "output": len(json.dumps(done.output))}


def test_given_a_million_uploads_then_payloads_differ_from_a_hundreds_by_digits_only() -> None:
    few, many = sizes(100), sizes(1_000_000)
    assert few.keys() == many.keys()
    assert all(many[name] - few[name] < 200 for name in few)


def test_given_a_million_uploads_of_a_thousand_classes_then_payloads_stay_below_the_limit() -> None:
    assert max(sizes(1_000_000).values()) < 8 * KILOBYTE
    assert max(sizes(1_000_000, classes=1000).values()) < PAYLOAD_LIMIT
