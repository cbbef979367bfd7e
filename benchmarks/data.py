"""The ways of the data: drawing castings, preparing them, feeding the training."""

from __future__ import annotations

import itertools
import shutil
import time
from pathlib import Path

from maskrcnn import hyperparameters
from maskrcnn.data import local
from maskrcnn.training import pipeline, records
from rich.table import Table

from app.generator.casting import render
from benchmarks.castings import COUNT, FOLDER
from benchmarks.timing import median_seconds


def table(shards: Path, repeats: int) -> Table:
    """Images a second of each step."""
    rows = Table(title="Data, images a second at 512 x 512", title_justify="left")
    rows.add_column("Step")
    rows.add_column("Images/s", justify="right")
    drawn = median_seconds(lambda: render(3), repeats=repeats)
    rows.add_row("draw a casting", f"{1 / drawn:.0f}")
    rows.add_row("prepare: check, label, split, shards", f"{COUNT / _prepare():.0f}")
    rows.add_row("training input: decode, augment, masks", f"{_input(shards):.0f}")
    return rows


def _prepare() -> float:
    """Seconds to prepare the benchmark's castings from nothing."""
    out = FOLDER / "again"
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    local.prepare_folder(FOLDER / "castings", out)
    return time.perf_counter() - began


def _input(shards: Path) -> float:
    """Images a second that the input pipeline delivers."""
    settings = hyperparameters.resolve({"preset": "demo"}).settings
    batches = iter(pipeline.batches(records.scan(shards / "train"), settings, 0))
    next(batches)
    began = time.perf_counter()
    seen = sum(int(batch.image.shape[0]) for batch in itertools.islice(batches, 40))
    return seen / (time.perf_counter() - began)
