"""SIGTERM: a question that the loop asks, and an end in good time where nothing can ask it.

SageMaker sends SIGTERM two minutes before it takes a spot machine away. Tracing, compiling and filling the input
are long calls into TensorFlow in which Python handles no signal; a thread sees it all the same.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

log = logging.getLogger("castline")

PATIENCE_SECONDS = 20.0
"""How long the loop may take to ask; the rest of 30 s is for its last checkpoint."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """Whether somebody asked the process to end.

    Attributes:
        requested: Somebody did.
        at_stake: Memory holds work that no file holds. Without it the process may end on the spot.
    """

    def __init__(self) -> None:
        self.requested = False
        self.at_stake = False
        self._noticed = threading.Event()

    def __call__(self) -> bool:
        """True once a signal came; whoever asked then ends the process itself."""
        if self.requested:
            self._noticed.set()
        return self.requested

    def listen(self) -> None:
        """Take the signals; again after tf.distribute has brought hosts together, which takes SIGTERM for itself."""
        for number in SIGNALS:
            signal.signal(number, self.note)

    def note(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler, where Python comes to handle it."""
        self.requested = True

    def watch(self, signals: socket.socket, end: Callable[[int], None], patience_seconds: float) -> None:
        """Wait for the first signal; then end the process, at once or when nobody asks for too long."""
        if not signals.recv(1):
            return
        self.requested = True
        if not self.at_stake:
            log.info("Interrupted with nothing unsaved: ending at once")
        elif self._noticed.wait(patience_seconds):
            return
        else:
            log.warning("Interrupted, and the step did not end within %.0f s: ending with the last checkpoint",
                        patience_seconds)
        end(0)

    def over(self) -> None:
        """Nobody needs to ask any more."""
        self._noticed.set()


@contextlib.contextmanager
def listening(end: Callable[[int], None] = os._exit, patience_seconds: float = PATIENCE_SECONDS,
              ) -> Iterator[Interruption]:
    """Note SIGTERM and SIGINT instead of dying of them; puts the old handlers back.

    Args:
        end: Ends the process with an exit status, from any thread.
        patience_seconds: How long the loop may take to ask while work is at stake.
    """
    interruption = Interruption()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    thread = threading.Thread(target=interruption.watch, args=(ours, end, patience_seconds), name="interruption",
                              daemon=True)
    thread.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interruption.listen()
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield interruption
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        interruption.over()
        theirs.close()
        thread.join()
        ours.close()

