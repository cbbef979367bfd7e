"""The measured end of a benchmark: a process that takes one sample each time it is asked.

Standard library only, because peers run it in environments of their own. It answers in JSON, a line at a
time: after its first sample, and then to each line that it reads, until its input ends.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

WARM_UPS = 2


Work = Callable[[], dict[str, float]]
"""Do it once. A figure `seconds` in the answer replaces the measured duration; tables may use the others."""


def serve(build: Callable[[dict[str, Any]], Work]) -> None:
    """Build from the JSON in the first argument, warm up, then answer until the input ends.

    Args:
        build: Makes the work of the specification; what it takes counts towards the start.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    work = build(json.loads(sys.argv[1]))

    def answer(**figures: Any) -> None:
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**figures, "peak_rss_mb": peak_mb}), file=answers, flush=True)

    answer(**_timed(work))
    for _ in range(WARM_UPS):
        work()
    for _ in sys.stdin:
        answer(**_timed(work))


def _timed(work: Work) -> dict[str, float]:
    began, used = time.perf_counter(), time.process_time()
    figures = work()
    measured = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used}
    return {**measured, **figures}
