"""The figures of a run in the channel `log`, when the job has one: TensorBoard's files, and one line a report.

The channel is a directory that many runs share and that outlives the machine; each run has a folder of its own in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from maskrcnn.layout import Layout

CHANNEL = "log"
METRICS = "metrics.jsonl"
SCALAR = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class="DATA_CLASS_SCALAR")
"""What makes TensorBoard draw a value as a curve; tf.summary.scalar would need TensorBoard's own package."""

log = logging.getLogger("castline")


class RunLog:
    """Writes the figures of one run; training never fails because of it.

    Args:
        folder: The run's own folder; None writes nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._events: tf.summary.SummaryWriter | None = None

    @classmethod
    def of(cls, layout: Layout, run_id: str) -> RunLog:
        """In the channel, when there is one, and only on the first of several hosts."""
        shared = layout.channel(CHANNEL)
        return cls(shared / (run_id or "run") if shared.is_dir() and _is_first_host(layout) else None)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add the figures of a step; a resumed run adds to what is there."""
        if self._folder is None:
            return
        try:
            self._write(self._folder, step, figures)
        except (OSError, tf.errors.OpError) as error:
            log.warning("%s: cannot be written (%s): no more figures go there", self._folder, error)
            self._folder = None

    def _write(self, folder: Path, step: int, figures: Mapping[str, float]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / METRICS).open("a") as lines:
            lines.write(json.dumps({"step": step, **dict(sorted(figures.items()))}) + "\n")
        if self._events is None:
            self._events = tf.summary.create_file_writer(str(folder))
        with self._events.as_default():
            for name, value in figures.items():
                tf.summary.write(name, tf.constant(value, tf.float32), step, SCALAR)
        self._events.flush()


def _is_first_host(layout: Layout) -> bool:
    if not layout.resources.exists():
        return True
    cluster = json.loads(layout.resources.read_text())
    return bool(cluster["current_host"] == cluster["hosts"][0])
