"""The measuring end: starts one process a row, and asks them in turn so that their ratios are fair."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

THREADS = 2
"""Threads each stack may use."""
DISTURBED = 0.1
"""A sample counts as disturbed when other processes used more than this share of the machine meanwhile."""
EXTRA_ROUNDS = 1.0
"""Disturbed samples are taken again, up to this many rounds for each round asked for."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table, before it is measured."""

    name: str
    module: str
    """Python module that is run."""
    spec: dict[str, Any]
    """What the module is told."""
    python: Path = Path(sys.executable)
    unavailable: str = ""
    """Why it cannot run here."""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One line of a table."""

    name: str
    seconds: tuple[float, ...] = ()
    """The undisturbed samples, or all of them when too few were."""
    disturbed: bool = False
    start_seconds: float = 0.0
    """From the start of the process to the end of its first sample."""
    peak_rss_mb: float = 0.0
    figures: dict[str, float] = dataclasses.field(default_factory=dict)
    """Medians of what else the process told with each sample."""
    unavailable: str = ""

    @property
    def median(self) -> float:
        """Median duration in seconds."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile in seconds."""
        if len(self.seconds) < 2:
            return self.median, self.median
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third


class Worker:
    """A running process of one row."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.samples: list[tuple[float, bool]] = []
        self.told: list[dict[str, float]] = []
        began = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603
            [str(row.python), "-m", row.module, json.dumps(row.spec | {"threads": THREADS})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | _quiet() | row.environment)
        self._read()
        self.start_seconds = time.perf_counter() - began

    def sample(self) -> None:
        """Let the process do its work once."""
        assert self.process.stdin  # noqa: S101
        busy, began = _busy_seconds(), time.perf_counter()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self._read()
        elapsed = time.perf_counter() - began
        others = _busy_seconds() - busy - answer["cpu_seconds"]
        self.samples.append((answer["seconds"], others > DISTURBED * elapsed * (os.cpu_count() or 1)))
        self.told.append(answer)

    def quiet(self) -> int:
        """Number of undisturbed samples."""
        return sum(not disturbed for _, disturbed in self.samples)

    def close(self) -> int:
        """End the process, which stops by itself at the end of its input; its exit code."""
        self.process.communicate()
        return self.process.returncode

    def summary(self, rounds: int) -> Measured:
        """What the samples say."""
        calm = [seconds for seconds, disturbed in self.samples if not disturbed]
        disturbed = len(calm) < (rounds + 1) // 2
        kept = [seconds for seconds, _ in self.samples] if disturbed else calm
        figures = {name: statistics.median(answer[name] for answer in self.told) for name in self.told[0]}
        peak = max(answer["peak_rss_mb"] for answer in self.told)
        return Measured(self.row.name, tuple(kept), disturbed, self.start_seconds, peak, figures)

    def _read(self) -> dict[str, float]:
        assert self.process.stdout  # noqa: S101
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.row.name}: its process ended with {self.close()}: run it by itself: "
                               f"{self.row.python} -m {self.row.module} '{json.dumps(self.row.spec)}'")
        answer: dict[str, float] = json.loads(line)
        return answer


def interleave(rows: Sequence[Row], rounds: int) -> list[Measured]:
    """Measure the rows in turn, each `rounds` times without disturbance if that can be had.

    All processes live at the same time, so the rows must fit into memory together: see `compare`.
    """
    with contextlib.ExitStack() as stack:
        workers = {}
        for row in rows:
            if not row.unavailable:
                workers[row.name] = Worker(row)
                stack.callback(workers[row.name].close)
        for turn in range(rounds + int(rounds * EXTRA_ROUNDS)):
            for worker in workers.values():
                if turn < rounds or worker.quiet() < rounds:
                    worker.sample()
    return [workers[row.name].summary(rounds) if row.name in workers
            else Measured(row.name, unavailable=row.unavailable) for row in rows]


@dataclasses.dataclass(frozen=True)
class Compared:
    """A measured row with the rows that led its session, so that every ratio comes from one session."""

    measured: Measured
    leads: dict[str, Measured]

    def time_ratio(self, lead: str) -> float:
        """Median time against that of a lead."""
        return self.measured.median / self.leads[lead].median

    def memory_ratio(self, lead: str) -> float:
        """Peak memory against that of a lead."""
        return self.measured.peak_rss_mb / self.leads[lead].peak_rss_mb


def compare(rows: Sequence[Row], leads: Sequence[Row], *, at_once: int, rounds: int) -> list[Compared]:
    """Measure `rows` in sessions of `at_once`, each beside all `leads`.

    Args:
        rows: What is compared.
        leads: What it is compared with; they come first in the answer, as the first session measured them.
        at_once: Rows a session: as many as fit into memory beside the leads.
        rounds: Samples of each.
    """
    present = [row for row in rows if not row.unavailable]
    compared: dict[str, Compared] = {}
    for first in range(0, max(len(present), 1), at_once):
        measured = {m.name: m for m in interleave([*leads, *present[first : first + at_once]], rounds)}
        beside = {lead.name: measured[lead.name] for lead in leads}
        for name, figures in measured.items():
            compared.setdefault(name, Compared(figures, beside))
    absent = {row.name: Compared(Measured(row.name, unavailable=row.unavailable), {}) for row in rows}
    return [(absent | compared)[row.name] for row in (*leads, *rows)]


def _quiet() -> dict[str, str]:
    """Paths for our own modules, few words from TensorFlow, a fixed number of threads for OpenMP."""
    return {"PYTHONPATH": ".:training_container", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(THREADS)}


def _busy_seconds() -> float:
    """Processor seconds that the whole machine has worked since it started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
                 - getattr(times, "guest_nice", 0.0))
