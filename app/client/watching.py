"""Follow one run while it happens: states as they begin and end, the training log, the end."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from app.client import approvals
from app.client.approvals import Waiting
from app.client.pipeline import Pipeline
from app.contracts import names

TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
POLL_SECONDS = 1.0
REGISTERING = "Register"
"""The state in which a model may wait for a person."""
PROGRESS = re.compile(r"\b(epoch \d|Throughput|mAP\(segm\)/IoU=0\.5:)|interrupt|resum|checkpoint", re.IGNORECASE)
"""Training log lines that tell a person how it goes."""


@dataclasses.dataclass(frozen=True)
class StateBegan:
    """A state was entered."""

    name: str


@dataclasses.dataclass(frozen=True)
class StateEnded:
    """A state was left."""

    name: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class TrainingSaid:
    """A line of the training log that tells progress."""

    text: str


@dataclasses.dataclass(frozen=True)
class ApprovalAwaited:
    """The model waits for a person's word."""

    waiting: Waiting


@dataclasses.dataclass(frozen=True)
class RunEnded:
    """The execution ended; always the last event."""

    status: str
    error: str
    cause: str


Event = StateBegan | StateEnded | TrainingSaid | ApprovalAwaited | RunEnded


def follow(pipeline: Pipeline, run_id: str, *, wait: Callable[[float], None] = time.sleep) -> Iterator[Event]:
    """Yield what happens in a run, from its start to its end.

    Args:
        pipeline: Where.
        run_id: Which run.
        wait: Called between two looks with the seconds to wait.
    """
    states = pipeline.client("stepfunctions")
    arn = pipeline.execution_arn(run_id)
    history = _History(states, arn)
    log = _TrainingLog(pipeline, run_id)
    asked = False
    while True:
        execution = states.describe_execution(executionArn=arn)
        yield from history.news()
        yield from log.news()
        if history.state == REGISTERING and not asked and (waiting := approvals.waiting(pipeline)):
            asked = True
            yield ApprovalAwaited(waiting)
        if execution["status"] != "RUNNING":
            yield RunEnded(execution["status"], execution.get("error", ""), execution.get("cause", ""))
            return
        wait(POLL_SECONDS)


class _History:
    """Reads an execution's history from where it stopped last."""

    def __init__(self, states: Any, arn: str) -> None:
        self._states = states
        self._arn = arn
        self._seen = 0
        self._began: dict[str, datetime] = {}
        self.state = ""
        """The task state that was entered last."""

    def news(self) -> Iterator[Event]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=self._arn)
        for event in (e for page in pages for e in page["events"] if e["id"] > self._seen):
            self._seen = event["id"]
            if event["type"].endswith("StateEntered"):
                name = event["stateEnteredEventDetails"]["name"]
                self._began[name] = event["timestamp"]
                if event["type"].startswith("Task"):
                    self.state = name
                    yield StateBegan(name)
            elif event["type"] == "TaskStateExited":
                name = event["stateExitedEventDetails"]["name"]
                began = self._began.get(name, event["timestamp"])
                yield StateEnded(name, (event["timestamp"] - began).total_seconds())


class _TrainingLog:
    """Reads the training log of a run, over all its attempts, from where it stopped last."""

    def __init__(self, pipeline: Pipeline, run_id: str) -> None:
        self._logs = pipeline.client("logs")
        job = names.job(pipeline.environment, run_id, "train")
        self._prefix = job.removesuffix("-1") + "-"
        self._tokens: dict[str, str] = {}

    def news(self) -> Iterator[Event]:
        try:
            streams = self._logs.describe_log_streams(
                logGroupName=TRAINING_LOGS, logStreamNamePrefix=self._prefix)["logStreams"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return  # nothing was ever trained here
            raise
        for stream in streams:
            yield from self._read(stream["logStreamName"])

    def _read(self, stream: str) -> Iterator[Event]:
        token = self._tokens.get(stream)
        where = {"nextToken": token} if token else {}
        page = self._logs.get_log_events(
            logGroupName=TRAINING_LOGS, logStreamName=stream, startFromHead=True, **where)
        self._tokens[stream] = page["nextForwardToken"]
        for event in page["events"]:
            if PROGRESS.search(event["message"]):
                yield TrainingSaid(event["message"].rstrip())
