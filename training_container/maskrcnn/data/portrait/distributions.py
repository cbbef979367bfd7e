"""Distributions that are added up one value at a time: histograms of fixed bins, and five numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.contracts.portrait import Histogram, Spread
from maskrcnn.data.portrait.sampling import Lowest

SAMPLE = 2000
"""Values kept for percentiles: exact up to here, beyond within about two percentage points (95 %)."""


def logarithmic(low: float, high: float, bins_per_doubling: int) -> NDArray[np.float64]:
    """Edges from `low` to `high`, each 2^(1/bins_per_doubling) times the one before."""
    count = round(np.log2(high / low) * bins_per_doubling)
    return np.geomspace(low, high, count + 1)


SIZE_EDGES = logarithmic(2, 4096, 2)
ASPECT_EDGES = logarithmic(1 / 8, 8, 2)
SHARPNESS_EDGES = logarithmic(1, 65536, 2)
BRIGHTNESS_EDGES = np.linspace(0, 256, 33)
COUNT_EDGES = np.concatenate([np.arange(0, 21), [26, 31, 41, 51, 101, 201]]).astype(float)


class Bins:
    """A histogram with fixed edges; values beyond the outer edges go to the outer bins."""

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self._edges = edges
        self._counts = np.zeros(len(edges) - 1, np.int64)

    def add(self, value: float) -> None:
        """Count one value."""
        place = int(np.searchsorted(self._edges, value, side="right")) - 1
        self._counts[min(max(place, 0), len(self._counts) - 1)] += 1

    def result(self) -> Histogram:
        """The counts so far."""
        return Histogram(tuple(map(float, self._edges)), tuple(map(int, self._counts)))


class Values:
    """Lowest, highest, and percentiles of a sample, with a histogram of all."""

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self.bins = Bins(edges)
        self._sample: Lowest[float] = Lowest(SAMPLE)
        self._low, self._high = np.inf, -np.inf

    def add(self, key: int, value: float) -> None:
        """Count one value; `key` draws the sample."""
        self.bins.add(value)
        self._sample.add(key, value)
        self._low, self._high = min(self._low, value), max(self._high, value)

    def sample(self) -> list[float]:
        """The values kept."""
        return self._sample.items()

    def spread(self) -> Spread | None:
        """Five numbers; None where nothing was added."""
        if not self.sample():
            return None
        p10, median, p90 = percentiles(self.sample(), (10, 50, 90))
        return Spread(float(self._low), p10, median, p90, float(self._high))


def percentiles(values: Iterable[float], which: Sequence[float]) -> list[float]:
    """Percentiles (0 to 100) with linear interpolation; there is at least one value."""
    return [round(float(value), 3) for value in np.percentile(list(values), which)]
