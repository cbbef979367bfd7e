"""SIGTERM becomes a question."""

from __future__ import annotations

import os
import signal

from maskrcnn.training import interruption


def test_sigterm_is_noted_and_the_old_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with interruption.listening() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupted()
    assert signal.getsignal(signal.SIGTERM) == before
