"""The stopwatch that all benchmarks share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def median_seconds(work: Callable[[], Any], *, repeats: int, warm_ups: int = 2) -> float:
    """Median time of one call of `work`, after some that do not count."""
    for _ in range(warm_ups):
        work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
