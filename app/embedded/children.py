"""Programs of jobs and endpoints as child processes, remembered on disk so that none outlives its server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


class Children:
    """Starts programs, each in a process group of its own, and ends those that an earlier server left behind.

    Args:
        folder: Holds one file for each living child: its process id as the name, its start time as the content.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], niceness: int = 0,
              ) -> subprocess.Popen[str]:
        """Start a program with its output in one pipe of text lines."""
        child = subprocess.Popen(  # noqa: S603 - our own programs
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )
        process = psutil.Process(child.pid)
        self._file(child.pid).write_text(repr(process.create_time()))
        with contextlib.suppress(psutil.Error):  # it may be over already
            process.nice(niceness)
        return child

    def stop(self, child: subprocess.Popen[str], grace_seconds: float) -> None:
        """SIGTERM to the program, SIGKILL to its whole group after the grace; returns when it has ended."""
        child.terminate()
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def forget(self, child: subprocess.Popen[str]) -> None:
        """The program has ended; end what it may have left in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        self._file(child.pid).unlink(missing_ok=True)

    def end_leftovers(self, grace_seconds: float = 5.0) -> int:
        """End every child that is still remembered; says how many were alive.

        A process id may have been given to somebody else since: only one with the same start time is ours.
        """
        alive = []
        for file in self._folder.iterdir():
            try:
                process = psutil.Process(int(file.name))
                if abs(process.create_time() - float(file.read_text())) < 1.0:
                    process.terminate()
                    alive.append(process)
            except (psutil.NoSuchProcess, ValueError):
                pass
        _, stubborn = psutil.wait_procs(alive, timeout=grace_seconds)
        for process in stubborn:
            os.killpg(process.pid, signal.SIGKILL)
        psutil.wait_procs(stubborn, timeout=grace_seconds)
        for file in self._folder.iterdir():
            file.unlink()
        return len(alive)

    def _file(self, pid: int) -> Path:
        return self._folder / str(pid)
