"""Writes the services' state to disk while the server runs, so that a kill loses seconds and not the deployment.

ministack 1.5.33 writes its state only when it is shut down in order (S3 objects excepted, which it writes at once).
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time

from ministack import app as ministack
from ministack.core import persistence

from app.embedded import pin

INTERVAL_SECONDS = 2.0
REST_FACTOR = 20.0  # rest this many times as long as a round took: at most 5 % of one core

log = logging.getLogger("castline.journal")


class Journal:
    """A background thread that saves every service whose state changed since the last round."""

    def __init__(self) -> None:
        self._services = pin.part(ministack, "_build_persistence_save_dict")
        self._encode = pin.part(persistence, "_json_default")
        self._save = pin.part(persistence, "save_state")
        self._written: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="castline-journal", daemon=True)

    def start(self) -> None:
        """Begin to save."""
        self._thread.start()

    def stop(self) -> None:
        """Stop saving; returns when no write is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def save(self) -> list[str]:
        """One round; returns the names of the services that were written."""
        written = []
        for name, get_state in self._services().items():
            try:
                state = get_state()
                text = json.dumps(state, default=self._encode)
            except RuntimeError:  # changed while it was copied: the next round will get it
                continue
            digest = hashlib.sha256(text.encode()).hexdigest()
            if state is not None and self._written.get(name) != digest:
                self._save(name, state)
                self._written[name] = digest
                written.append(name)
        return written

    def _run(self) -> None:
        took = 0.0
        while not self._stopping.wait(max(INTERVAL_SECONDS, REST_FACTOR * took)):
            started = time.monotonic()
            try:
                self.save()
            except Exception:
                log.exception("the state could not be saved")
            took = time.monotonic() - started
