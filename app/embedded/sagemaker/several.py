"""The same program on several machines of one job: it ends with the last, or with the first that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.embedded.sagemaker.programs import STOP_GRACE_SECONDS, Ending, Outcome, Program

_LOOK_SECONDS = 0.1


class Programs:
    """A job's programs, one a machine.

    Args:
        programs: Started already.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._failed: list[int] = []

    @property
    def first_failed(self) -> int:
        """Number of the one that failed first, 0 while none has."""
        return next(iter(self._failed), 0)

    def wait(self, timeout_seconds: float, while_waiting: Callable[[], None]) -> Outcome:
        """Wait for all; when one fails the others are stopped, and its end counts.

        Args:
            timeout_seconds: How long they may run together.
            while_waiting: Called about once a second for each that runs.
        """
        deadline = time.monotonic() + timeout_seconds
        running, ended = list(self._programs), list[Outcome]()
        while running:
            program = next((p for p in running if not p.alive), None)
            if program is None and len(running) > 1 and time.monotonic() < deadline:
                while_waiting()
                time.sleep(_LOOK_SECONDS)
                continue
            program = program or running[0]
            running.remove(program)
            ended.append(program.wait(max(deadline - time.monotonic(), 0.0), while_waiting))
            if ended[-1].exit_status and ended[-1].ending == "ended":
                self._failed.append(self._programs.index(program))
                _stop(running, "stopped", STOP_GRACE_SECONDS)
        while_waiting()
        failed = (outcome for outcome in ended if outcome.ending == "ended" and outcome.exit_status)
        return next(failed, None) or max(ended, key=lambda outcome: outcome.ending != "ended")

    def stop(self, why: Ending = "stopped", grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Stop all at the same moment, see Program.stop: those that work together end together."""
        _stop(self._programs, why, grace_seconds)


def _stop(programs: Sequence[Program], why: Ending, grace_seconds: float) -> None:
    with ThreadPoolExecutor(max(len(programs), 1)) as pool:
        for stopped in [pool.submit(program.stop, why, grace_seconds) for program in programs]:
            stopped.result()
