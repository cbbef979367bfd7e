"""SIGTERM becomes a question, and an end where nobody can ask it."""

from __future__ import annotations

import os
import queue
import signal

from maskrcnn.training import interruption

LONG = 60.0


def test_sigterm_is_noted_and_the_old_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    ended: queue.Queue[int] = queue.Queue()
    with interruption.listening(ended.put, LONG) as interrupted:
        interrupted.at_stake = True
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupted()
    assert signal.getsignal(signal.SIGTERM) == before
    assert ended.empty()  # whoever asks ends the process itself


def test_with_nothing_at_stake_the_process_ends_at_once():
    ended: queue.Queue[int] = queue.Queue()
    with interruption.listening(ended.put, LONG):
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.get(timeout=LONG / 2) == 0


def test_step_that_does_not_end_is_not_waited_for_longer_than_patience():
    ended: queue.Queue[int] = queue.Queue()
    with interruption.listening(ended.put, patience_seconds=0.01) as interrupted:
        interrupted.at_stake = True
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.get(timeout=LONG) == 0


def test_leaving_without_having_asked_ends_nothing():
    """Given a signal while training fails with its reason, then the reason is told and the process ends by it."""
    ended: queue.Queue[int] = queue.Queue()
    with interruption.listening(ended.put, LONG) as interrupted:
        interrupted.at_stake = True
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.empty()
