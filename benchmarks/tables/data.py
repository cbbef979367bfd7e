"""prepare at scale: images a second, memory by number of images, small additions to large versions, a million keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from rich.table import Table

RATES = ((512, 100), (2048, 12))
"""Size of the photographs in pixels, and how many."""
FIRST_VERSIONS = (1_000, 10_000, 100_000)
PARENTS = (10_000, 100_000)
ADDED = 100
KEYS = (10_000, 1_000_000)
CALL_SECONDS = {"freeze": 0.2, "look": 0.2, "clear": 1.0 / 8}
"""Assumed, not measured: 0.2 s for a page of a listing; 1 s for a thousand deletions, eight at a time."""
LAMBDA_SLOWER = 2.0
"""Assumed: 1 GB of memory buys a little more than half of a core."""


def rate() -> Table:
    """CPU time of each step on one core."""
    made = Table(title="prepare: one core, generated castings with 4 to 9 objects", title_justify="left")
    made.add_column("Photographs")
    for heading in ("images/s", "read label, ms", "check: decode, hash, draw, RLE, ms", "keep, ms", "convert, ms"):
        made.add_column(heading, justify="right")
    for size, images in RATES:
        seconds = _run("prepare", what="rate", size=size, images=images)
        steps = [seconds[step] for step in ("label", "check", "keep", "convert")]
        made.add_row(f"{size} x {size}", f"{1 / sum(steps):.0f}", *(f"{1000 * step:.1f}" for step in steps))
    return made


def memory() -> Table:
    """Peak memory of a first version, above what the process has after its imports."""
    made = Table(title="prepare: a first version of tiny photographs", title_justify="left")
    made.add_column("Images")
    for heading in ("peak MB above the start", "KB an image", "CPU s", "CPU ms an image"):
        made.add_column(heading, justify="right")
    for images in FIRST_VERSIONS:
        found = _run("prepare", what="first", images=images)
        above = found["peak_rss_mb"] - found["before_mb"]
        cpu = found["cpu_seconds"]
        made.add_row(f"{images:,}", f"{above:.0f}", f"{1024 * above / images:.1f}", f"{cpu:.1f}",
                     f"{1000 * cpu / images:.1f}")
    return made


def addition() -> Table:
    """A hundred photographs into a large version."""
    made = Table(title=f"prepare: {ADDED} photographs added to a version", title_justify="left")
    made.add_column("Images before")
    for heading in ("CPU s", "shards written", "of", "members, MB", "peak MB above the start"):
        made.add_column(heading, justify="right")
    for images in PARENTS:
        found = _run("prepare", what="add", images=images, added=ADDED)
        made.add_row(f"{images:,}", f"{found['cpu_seconds']:.1f}", f"{found['shards_written']:.0f}",
                     f"{found['shards']:.0f}", f"{found['members_bytes'] / 1e6:.1f}",
                     f"{found['peak_rss_mb'] - found['before_mb']:.0f}")
    return made


def million() -> Table:
    """The Lambdas that see every upload; the time is CPU measured here and calls at an assumed duration."""
    made = Table(title="Lambdas over a made-up listing", title_justify="left")
    made.add_column("Function")
    for heading in ("keys", "S3 calls", "CPU s here", "s in Lambda, about", "MB above the start", "file in /tmp, MB",
                    "answer, bytes"):
        made.add_column(heading, justify="right")
    for what, name in (("look", "gate"), ("freeze", "snapshot"), ("clear", "commit")):
        for keys in KEYS:
            with tempfile.TemporaryDirectory(prefix="castline-bench-") as folder:
                found = _run("million", what=what, keys=keys, folder=folder)
            seconds = CALL_SECONDS[what] * found["calls"] + LAMBDA_SLOWER * found["cpu_seconds"]
            made.add_row(name, f"{keys:,}", f"{found['calls']:,}", f"{found['cpu_seconds']:.1f}", f"{seconds:.0f}",
                         f"{found['peak_mb'] - found['before_mb']:.0f}", f"{found['manifest.jsonl'] / 1e6:.0f}",
                         f"{found['answer_bytes']:.0f}")
    return made


def _run(module: str, **spec: Any) -> dict[str, float]:
    """Measure in a process of its own, whose peak is then its own."""
    command = [sys.executable, "-m", f"benchmarks.own.{module}", json.dumps(spec)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))  # noqa: S603
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
