"""One run of a container program as a plain process: its folder, its environment, its output, its end."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from app.contracts.jobs import ML_ROOT_VARIABLE
from app.embedded.children import Children
from app.embedded.settings import EmbeddedSettings, without_aws

STOP_GRACE_SECONDS = 120.0
"""SageMaker's time between SIGTERM and SIGKILL."""

SHUTDOWN_GRACE_SECONDS = 20.0
"""The same when the embedded AWS itself is stopped: enough for a last checkpoint."""
JOB_NICENESS = 5  # the server and the Lambdas answer first, also while a job keeps every core busy

Ending = Literal["ended", "stopped", "interrupted", "timeout", "shutdown"]
"""By itself; by a person; by the spot market; by the time limit; because the embedded AWS stops."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a program ended: by itself, or because it was asked to, and with which exit status."""

    ending: Ending
    exit_status: int


class Program:
    """A running container program.

    Args:
        settings: Says where programs lie and how they reach the embedded AWS.
        children: Starts processes and remembers them.
        name: Name of the program: train, serve, prepare, evaluate.
        root: What the program sees as /opt/ml.
        environment: Variables of the job, with its credentials, on top of those of the machine.
        on_line: Receives each line of output.
        niceness: How far it stands back behind other processes.
    """

    def __init__(self, settings: EmbeddedSettings, children: Children, name: str, root: Path,
                 environment: Mapping[str, str], on_line: Callable[[str], None], niceness: int = 0) -> None:
        file = settings.programs / name
        if not file.is_file():
            raise FileNotFoundError(f"{name}: the image has no such program ({file})")
        machine = without_aws(os.environ)
        machine.pop("TMPDIR", None)
        variables = {**machine, **environment, ML_ROOT_VARIABLE: str(root), "PYTHONUNBUFFERED": "1"}
        root.mkdir(parents=True, exist_ok=True)
        self._children = children
        self._asked: Ending = "ended"
        self._process = children.start([sys.executable, str(file)], cwd=root, environment=variables,
                                       niceness=niceness)
        self._reader = threading.Thread(target=self._read, args=(on_line,), daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait(self, timeout_seconds: float, while_waiting: Callable[[], None] = lambda: None) -> Outcome:
        """Wait for the end; after the timeout the program is asked to stop.

        Args:
            timeout_seconds: How long it may run.
            while_waiting: Called about once a second.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._process.wait(min(1.0, max(deadline - time.monotonic(), 0.01)))
                break
            except subprocess.TimeoutExpired:
                while_waiting()
            if time.monotonic() >= deadline and self.alive:
                self.stop("timeout")
        self._reader.join(5.0)
        self._children.forget(self._process)
        return Outcome(self._asked, self._process.returncode)

    def stop(self, why: Ending = "stopped", grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """SIGTERM, and SIGKILL after the grace; returns when it has ended."""
        if self.alive:
            self._asked = why
            self._children.stop(self._process, grace_seconds)

    def _read(self, on_line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None  # noqa: S101 - Children opens a pipe
        with self._process.stdout as output:
            for line in output:
                on_line(line)
