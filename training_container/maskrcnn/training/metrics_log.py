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
    """Means of the figures of each step since the last report.

    Args:
        sums: Of the steps so far, when training goes on within an epoch.
        steps: How many they are.
    """

    def __init__(self, sums: Mapping[str, float] | None = None, steps: int = 0) -> None:
        self.sums, self.steps = dict(sums or {}), steps

    def add(self, figures: Mapping[str, float]) -> None:
        """Take in one step."""
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.steps += 1

    def take(self) -> dict[str, float]:
        """The means; starts anew."""
        means = {name: total / max(self.steps, 1) for name, total in self.sums.items()}
        self.sums, self.steps = {}, 0
        return means
