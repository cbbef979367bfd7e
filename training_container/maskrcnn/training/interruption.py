"""SIGTERM as a question that the loop asks: SageMaker sends it before it takes the machine away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether somebody asked the process to end."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        """True once a signal came."""
        return self.requested

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


@contextlib.contextmanager
def listening() -> Iterator[Interruption]:
    """Note SIGTERM and SIGINT instead of dying of them; puts the old handlers back."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption._request) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
