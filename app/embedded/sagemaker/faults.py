"""Faults on request: what a cloud does to a job and a laptop never would, so that tests and demos can see it."""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import Literal, get_args

FaultKind = Literal["capacity", "max-wait", "max-runtime", "internal", "quota", "rollback", "endpoint-failed"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to the next `times` jobs whose name matches."""

    kind: FaultKind
    """capacity: no machine; max-wait: no spot machine in time; max-runtime: stopped at its limit of time; internal:
    SageMaker broke; quota: create refused; rollback: an endpoint's update ends on the old configuration without a
    word; endpoint-failed: the endpoint fails."""
    job: str
    """Regular expression, searched in the name of the job or endpoint."""
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"kind = {self.kind!r}: must be one of {', '.join(get_args(FaultKind))}")
        if self.times < 1:
            raise ValueError(f"times = {self.times}: must be at least 1")
        re.compile(self.job)


class Faults:
    """The faults that wait for their job."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, job: str, *kinds: FaultKind) -> FaultKind | None:
        """Use up the first fault of these kinds that waits for `job`."""
        with self._lock:
            for i, fault in enumerate(self._waiting):
                if fault.kind in kinds and re.search(fault.job, job):
                    left = dataclasses.replace(fault, times=fault.times - 1) if fault.times > 1 else None
                    self._waiting[i : i + 1] = [left] if left else []
                    return fault.kind
        return None
