"""Writes the services' state to disk while the server runs, so that a kill loses seconds and not the deployment.

ministack 1.5.33 writes its state only when it is shut down in order (S3 objects excepted, which it writes at once).
An execution is on disk before its start is answered, together with what led to it: S3 and SageMaker would remember
what a run did that nobody else knows of.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.services import stepfunctions

from app.embedded import pin

INTERVAL_SECONDS = 2.0
AT_ONCE = ("stepfunctions", "dynamodb")
REST_FACTOR = 20.0  # rest this many times as long as a round took: at most 5 % of one core

log = logging.getLogger("castline.journal")


class Journal:
    """A background thread that saves every service whose state changed since the last round."""

    def __init__(self) -> None:
        self._services = pin.part(ministack, "_build_persistence_save_dict")
        self._encode = pin.part(persistence, "_json_default")
        self._save = pin.part(persistence, "save_state")
        self._written: dict[str, str] = {}
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="castline-journal", daemon=True)

    def start(self) -> None:
        """Begin to save."""
        start_execution = pin.part(stepfunctions, "_start_execution")

        def start(data: dict[str, Any]) -> Any:
            response = start_execution(data)
            self.save(AT_ONCE)
            return response

        stepfunctions._start_execution = start
        self._thread.start()

    def stop(self) -> None:
        """Stop saving; returns when no write is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def save(self, only: Collection[str] = ()) -> list[str]:
        """One round, of all services or some; returns the names of the services that were written."""
        with self._writing:
            return self._save_changed({n: s for n, s in self._services().items() if not only or n in only})

    def _save_changed(self, services: dict[str, Callable[[], Any]]) -> list[str]:
        written = []
        for name, get_state in services.items():
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
