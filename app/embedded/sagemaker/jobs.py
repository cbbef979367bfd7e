"""Jobs of one kind: each runs in a thread of its own, and whoever wants may stop it at any moment."""

from __future__ import annotations

import abc
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from app.embedded.sagemaker import reasons
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.programs import SHUTDOWN_GRACE_SECONDS, Outcome
from app.embedded.sagemaker.several import Programs
from app.embedded.sagemaker.shapes import Record

log = logging.getLogger("castline.jobs")


class Jobs(abc.ABC):
    """Starts and stops jobs; what a job does is the subclass's `run`.

    Args:
        cloud: The surroundings.
    """

    kind: ClassVar[Literal["Training", "Processing"]]
    """Before `JobStatus` and `EndTime` in a record."""
    has_phases: ClassVar[bool]
    """Whether records have a SecondaryStatus with its transitions."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._running: dict[str, Programs] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._stopping: set[str] = set()
        self._shutting_down = False

    @abc.abstractmethod
    def run(self, record: Record) -> None:
        """Do the whole of a job and set its last status, unless the server ends meanwhile."""

    def start(self, record: Record) -> None:
        """Begin a new job."""
        name = record["_name"]
        self._set(record, "InProgress", "Starting", f"Starting the {self.kind.lower()} job")
        self._threads[name] = in_background(f"{self.kind.lower()}-{name}", lambda: self._guard(record))

    def stop(self, record: Record) -> None:
        """A person or the pipeline stops the job."""
        if record[f"{self.kind}JobStatus"] != "InProgress":
            return
        self._stopping.add(record["_name"])
        self._set(record, "Stopping", "Stopping", f"Stopping the {self.kind.lower()} job")
        if programs := self._running.get(record["_name"]):
            in_background("stop", programs.stop)

    def stop_all(self) -> None:
        """End the programs because the server ends, with their last checkpoints in S3.

        Their records stay as they are: the next start tells that these jobs have failed.
        """
        self._shutting_down = True
        for programs in list(self._running.values()):
            programs.stop("shutdown", SHUTDOWN_GRACE_SECONDS)
        for thread in list(self._threads.values()):  # also of jobs whose program is still to start
            thread.join(SHUTDOWN_GRACE_SECONDS)

    def is_stopping(self, record: Record) -> bool:
        """Whether somebody has stopped the job, which may not have ended yet."""
        return record["_name"] in self._stopping

    def wait(self, record: Record, programs: Programs, limit_seconds: float, meanwhile: Callable[[], None]) -> Outcome:
        """Let the programs of a job end, or end them when it is stopped or its time is over."""
        name = record["_name"]
        self._running[name] = programs
        if self._shutting_down:
            programs.stop("shutdown", SHUTDOWN_GRACE_SECONDS)
        elif name in self._stopping:  # stopped before it started
            programs.stop()
        try:
            return programs.wait(limit_seconds, meanwhile)
        finally:
            self._running.pop(name, None)

    def _guard(self, record: Record) -> None:
        try:
            self.run(record)
        except Exception as error:
            log.exception("%s job %s", self.kind.lower(), record["_name"])
            end: Record = {f"{self.kind}EndTime": time.time(), "FailureReason": reasons.of_exception(error)}
            self._set(record, "Failed", "Failed", **end)
        finally:
            self._stopping.discard(record["_name"])
            self._threads.pop(record["_name"], None)

    def _set(self, record: Record, status: str, phase: str, message: str = "", **changes: Any) -> None:
        self._cloud.job_status(record, status, phase if self.has_phases else "", message, **changes)
