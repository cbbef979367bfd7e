"""`make bench`: print every table, and what machine and versions they hold for."""

from __future__ import annotations

import os
import platform

import tensorflow as tf
from maskrcnn.model import precision
from rich.console import Console

from benchmarks import castings, data, model

REPEATS = 15


def main() -> None:
    """Measure and print."""
    console = Console()
    chosen, reason = precision.choose("auto")
    console.print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}; "
                  f"training would choose {chosen.name} ({reason})")
    shards = castings.shards()
    console.print(data.table(shards, REPEATS))
    console.print(model.table(shards, REPEATS))


main()
