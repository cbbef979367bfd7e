"""Start and stop the embedded AWS: one background process, bound to loopback, with its state in one folder."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

import psutil

from app.embedded.settings import (
    DEFAULT_PORT,
    HOST,
    ROOT,
    Access,
    EmbeddedError,
    EmbeddedSettings,
    default_state,
    endpoint_url,
    server_environment,
)
from app.embedded.strict import Person, is_strict, trusted

START_SECONDS = 90.0
STOP_SECONDS = 60.0
LET_GO_SECONDS = 2.0
PID_FILE = "server.json"
_started: list[subprocess.Popen[bytes]] = []
"""Servers that this process started; they outlive it, and Popen warns when it is forgotten before its child."""


@dataclasses.dataclass(frozen=True)
class Running:
    """An embedded AWS that is up."""

    pid: int
    started: float
    """Start time of the process, which tells it from a later one with the same id."""
    port: int
    state: Path

    @property
    def strict(self) -> bool:
        """Whether it speaks TLS and lets policies decide."""
        return is_strict(self.state)

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients have to go."""
        return endpoint_url(self.port, strict=self.strict)

    def access(self, person: Person = "operator") -> Access:
        """How a client reaches it; in the strict mode in the name of one of its people."""
        if not self.strict:
            return Access(self.endpoint_url)
        from app.embedded.strict import people

        return people.access(self.state, self.endpoint_url, person)

    def open(self, request: urllib.request.Request, timeout_seconds: float) -> HTTPResponse:
        """Send a request that is none of AWS, and hear the answer.

        Raises:
            urllib.error.URLError: nobody answers, or with an error status.
        """
        return _open(request, timeout_seconds, self.state)


def up(port: int | None = None, state: Path | None = None, *, strict: bool = False) -> Running:
    """Start the embedded AWS and wait until it answers.

    Args:
        port: Port on 127.0.0.1; the default is 4566.
        state: State folder; the default is CASTLINE_STATE or .castline in the repository.
        strict: Whether the folder is to belong to a strict embedded AWS from now on; one that does stays strict.

    Raises:
        EmbeddedError: it is up already, the port is taken, or it did not come up.
    """
    folder = (state or default_state()).resolve()
    settings = EmbeddedSettings(folder, port or DEFAULT_PORT, strict=strict or is_strict(folder))
    if running := status(settings.state):
        raise EmbeddedError(f"the embedded AWS is up already at {running.endpoint_url} (process {running.pid}): "
                            "use it, or stop it with python -m app down")
    if _is_taken(settings.port):
        raise EmbeddedError(f"port {settings.port} of {HOST} is taken by another program: stop that, or choose "
                            "another port: python -m app up --port 4577")
    _check_programs_around()
    (settings.state / "tmp").mkdir(parents=True, exist_ok=True)
    if settings.strict:
        _make_strict(settings.state)
    with settings.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.embedded"], cwd=ROOT, env=server_environment(settings, os.environ),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    _started.append(process)
    running = Running(process.pid, psutil.Process(process.pid).create_time(), settings.port, settings.state)
    (settings.state / PID_FILE).write_text(
        json.dumps({"pid": running.pid, "started": running.started, "port": running.port}))
    _wait_until_healthy(process, settings)
    return running


def down(state: Path | None = None) -> bool:
    """Stop the embedded AWS in order; False when it was not up.

    Raises:
        EmbeddedError: it does not stop.
    """
    running = status(state)
    if running is None:
        return False
    process = psutil.Process(running.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired as error:
        raise EmbeddedError(f"process {running.pid} did not stop within {STOP_SECONDS:.0f} s: look into "
                            f"{running.state / 'server.log'}, then kill {running.pid}") from error
    for started in _started:
        started.poll()
    (running.state / PID_FILE).unlink(missing_ok=True)
    return True


def status(state: Path | None = None) -> Running | None:
    """The embedded AWS of a state folder, or None when it is not up."""
    folder = (state or default_state()).resolve()
    file = folder / PID_FILE
    if not file.is_file():
        return None
    noted = json.loads(file.read_text())
    try:
        process = psutil.Process(noted["pid"])
        alive = process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - noted["started"]) < 1.0
    except psutil.NoSuchProcess:
        alive = False
    return Running(noted["pid"], noted["started"], noted["port"], folder) if alive else None


def _make_strict(state: Path) -> None:
    # Imported here: only the strict mode needs to sign certificates.
    from app.embedded.strict import certificates, people

    certificates.make(state)
    people.engage(state)


def _open(request: urllib.request.Request, timeout_seconds: float, state: Path) -> HTTPResponse:
    context = ssl.create_default_context(cafile=trusted(state)) if is_strict(state) else None
    answer: HTTPResponse = urllib.request.urlopen(  # noqa: S310 - our own loopback address
        request, timeout=timeout_seconds, context=context)
    return answer


def _is_taken(port: int) -> bool:
    """Whether somebody keeps the port; a server that was killed a moment ago lets go of it."""
    deadline = time.monotonic() + LET_GO_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((HOST, port)) != 0:
                return False
        time.sleep(0.1)
    return True


def _check_programs_around() -> None:
    if shutil.which("node") is None:
        raise EmbeddedError("node is not on the PATH: the CDK command line needs Node 20 or newer")


def _wait_until_healthy(process: subprocess.Popen[bytes], settings: EmbeddedSettings) -> None:
    deadline = time.monotonic() + START_SECONDS
    health = urllib.request.Request(f"{settings.endpoint_url}/_ministack/health")  # noqa: S310
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmbeddedError(f"the embedded AWS ended at once: {_last_words(settings.log)}")
        try:
            with _open(health, 2, settings.state):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise EmbeddedError(f"the embedded AWS did not answer within {START_SECONDS:.0f} s: look into {settings.log}")


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1] if lines else 'it said nothing'} (all of it: {log})"
