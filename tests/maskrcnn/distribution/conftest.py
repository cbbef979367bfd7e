"""Hosts of a training job as processes of this machine."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
HOST_SECONDS = 400


@dataclasses.dataclass(frozen=True)
class Ended:
    """A process that is over."""

    status: int
    output: str

    def told(self, kind: str) -> list[Any]:
        """What its lines of this kind say."""
        lines = [line for line in self.output.splitlines() if line.startswith(kind)]
        return [json.loads(line.removeprefix(kind)) for line in lines]


def addresses(count: int) -> str:
    """Free ports of this machine for so many hosts."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ",".join(f"algo-{number}=127.0.0.1:{port}" for number, port in enumerate(ports, start=1))


def run(script: str, arguments: list[list[str]], environments: list[dict[str, str]]) -> list[Ended]:
    """Run a script of this folder in several processes at the same time, to their end."""
    base = {**os.environ, "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'training_container'}"}
    started = [
        subprocess.Popen([sys.executable, str(HERE / script), *own], env=base | environment, text=True,  # noqa: S603
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for own, environment in zip(arguments, environments, strict=True)]
    try:
        outputs = [process.communicate(timeout=HOST_SECONDS)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [Ended(process.returncode, output) for process, output in zip(started, outputs, strict=True)]


@pytest.fixture(scope="session")
def processes() -> Callable[..., list[Ended]]:
    return run


@pytest.fixture(scope="session")
def free_addresses() -> Callable[[int], str]:
    return addresses


@pytest.fixture(scope="session")
def training() -> Any:
    """The tiny job of the tests of training."""
    spec = importlib.util.spec_from_file_location("tiny_job", HERE.parent / "training" / "conftest.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
