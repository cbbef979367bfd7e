"""The real stacks on a real embedded AWS of its own, with a training that takes seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from app import cloud, deploy
from app.client import runs, uploads, watching
from app.client.pipeline import Pipeline
from app.contracts.runs import RunRecord
from app.embedded import control

ENVIRONMENT = "test"
DEADLINE_SECONDS = 900.0
CANARY_VARIABLE, CANARY = "CASTLINE_TEST_PASSWORD", "canary-3f9c1e77d2"
"""A secret in the environment of everything that runs: no log and no document may tell it."""
T = TypeVar("T")


def wait_until(condition: Callable[[], T]) -> T:
    """Wait for what the pipeline brings about; fail when it does not come."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return value


class Deployed:
    """The deployed pipeline and what a person does to it."""

    def __init__(self, port: int, state: Path) -> None:
        self.port, self.state = port, state

    def up(self) -> None:
        control.up(self.port, self.state)

    @property
    def pipeline(self) -> Pipeline:
        return cloud.connect(ENVIRONMENT)

    def upload(self, folder: Path) -> None:
        plan = uploads.plan(folder, None, datetime.now(UTC))
        uploads.upload(self.pipeline, plan, ready=True, on_file=lambda _: None)

    def next_run(self, known: list[str]) -> str:
        """The id of the run that follows those known."""
        return wait_until(lambda: next((r for r in runs.run_ids(self.pipeline, 20) if r not in known), None))

    def finished(self, run_id: str) -> tuple[RunRecord, list[str]]:
        """The record of a run after its end, and the states it went through."""
        events = list(watching.follow(self.pipeline, run_id))
        record = runs.record(self.pipeline, run_id)
        assert record is not None
        return record, [e.name for e in events if isinstance(e, watching.StateEnded)]

    def inbox(self) -> list[str]:
        found = self.pipeline.client("s3").list_objects_v2(Bucket=self.pipeline.bucket, Prefix="inbox/")
        return [o["Key"] for o in found.get("Contents", [])]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("aws")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Deployed(port, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CASTLINE_STATE", str(state))
        patch.setenv(CANARY_VARIABLE, CANARY)
        try:
            made.up()
            deploy.deploy(ENVIRONMENT, aws=False)
            yield made
        finally:
            control.down(state)
