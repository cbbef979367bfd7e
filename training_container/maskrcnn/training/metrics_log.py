"""The lines that dashboards and the pipeline read from the log: `name: value` with five significant digits."""

from __future__ import annotations

import logging
from collections.abc import Mapping

log = logging.getLogger("castline")

COCO_STATS = ("IoU=0.5:0.95", "IoU=0.5", "IoU=0.75", "small", "medium", "large")
"""COCOeval.stats[0..5]."""


def coco_names(kind: str) -> list[str]:
    """Names of the six figures of one kind, `bbox` or `segm`."""
    return [f"mAP({kind})/{stat}" for stat in COCO_STATS]


def write(figures: Mapping[str, float]) -> None:
    """One line a figure, sorted by name."""
    for name in sorted(figures):
        log.info("%s: %.5g", name, figures[name])


class Means:
    """Means of the figures of each step since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0

    def add(self, figures: Mapping[str, float]) -> None:
        """Take in one step."""
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1

    def take(self) -> dict[str, float]:
        """The means; starts anew."""
        means = {name: total / max(self._steps, 1) for name, total in self._sums.items()}
        self._sums, self._steps = {}, 0
        return means
