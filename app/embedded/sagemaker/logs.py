"""The output of a job as a CloudWatch log stream, under the groups that SageMaker uses."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from app.embedded.sagemaker.shapes import Record

GROUPS = {
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
}
FLUSH_SECONDS = 0.5
MAX_LINE = 8_000


class JobLog:
    """Collects lines and writes them in batches.

    Args:
        logs: A boto3 client of CloudWatch Logs.
        group: Log group; made when absent.
        stream: Log stream; made when absent.
    """

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs = logs
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._waiting: list[Record] = []
        self._lock = threading.Lock()
        self._flushed = time.monotonic()
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(**self._where)

    def write(self, line: str) -> None:
        """Add a line; it shows within a second."""
        with self._lock:
            text = line.rstrip("\n")[:MAX_LINE] or " "
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": text})
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            batch, self._waiting = self._waiting, []
            self._flushed = time.monotonic()
            if batch:
                self._logs.put_log_events(**self._where, logEvents=batch)
