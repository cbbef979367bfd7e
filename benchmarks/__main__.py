"""`make bench`: measure everything, print the tables. A part: `python -m benchmarks --only training-1 --quick`."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.tables import data, gpu, inference, presets, recall, tiles, training

ROUNDS, QUICK_ROUNDS = 9, 3

Maker = Callable[[argparse.Namespace, int], Table]
TABLES: Mapping[str, Maker] = {
    "training-1": lambda given, rounds: training.table(1, rounds, quick=given.quick),
    "training-2": lambda given, rounds: training.table(2, rounds, quick=given.quick),
    "inference-100": lambda given, rounds: inference.table(100, rounds, quick=given.quick),
    "inference-5": lambda given, rounds: inference.table(5, rounds, quick=given.quick),
    "recall": lambda given, rounds: recall.table(given.model, given.castings),
    "presets": lambda given, rounds: presets.table(rounds),
    "tiles": lambda given, rounds: tiles.table(rounds),
    "evaluation": lambda given, rounds: presets.evaluation(rounds),
    "data-rate": lambda given, rounds: data.rate(),
    "data-memory": lambda given, rounds: data.memory(),
    "data-add": lambda given, rounds: data.addition(),
    "data-million": lambda given, rounds: data.million(),
    "gpu": lambda given, rounds: gpu.table(rounds),
}
MODEL = ("training-1", "training-2", "inference-100", "inference-5")


def main() -> None:
    """Measure and print."""
    given = _arguments()
    console = Console()
    console.print(f"{os.cpu_count()} cores, TensorFlow {importlib.metadata.version('tensorflow')}.")
    console.print("Medians (quartiles) of samples taken in turn; a star: other work disturbed most of them.")
    for name in _chosen(given.only):
        console.print(TABLES[name](given, given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted((*TABLES, "model")),
                        help="this table, or model for all that compare with peers; may be given again")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of the main rows")
    parser.add_argument("--rounds", type=int, help=f"samples of each row [{ROUNDS}]")
    parser.add_argument("--castings", type=Path, help="folder of labelled castings, for table recall")
    parser.add_argument("--model", type=Path, help="trained model for table recall [the newest of make demo]")
    return parser.parse_args()


def _chosen(only: list[str] | None) -> list[str]:
    if not only:
        return list(TABLES)
    return [name for name in TABLES if name in only or ("model" in only and name in MODEL)]


if __name__ == "__main__":
    main()
