"""What was measured, as JSON below build/bench/results, and its figures in words."""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.runner import Compared, Measured

FOLDER = Path("build/bench/results")


def write(table: str, compared: Sequence[Compared]) -> None:
    """Keep the samples of a table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": platform.processor() or platform.machine(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rows": [dataclasses.asdict(item) for item in compared],
    }
    (FOLDER / f"{table}.json").write_text(json.dumps(content, indent=2))


def milliseconds(measured: Measured) -> str:
    """Median and quartiles; a star says that other work disturbed most samples."""
    low, high = measured.quartiles
    star = " *" if measured.disturbed else ""
    return f"{1000 * measured.median:.0f} ({1000 * low:.0f}-{1000 * high:.0f}){star}"
