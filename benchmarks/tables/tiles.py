"""Tiles: what an image takes in one piece and tile by tile, and what the input pipeline makes of each."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from benchmarks import results
from benchmarks.runner import Row, compare

TILE, OVERLAP = 512, 64
SIDES = {512: 1, 960: 5, 1856: 17}
"""Sides of square images that tiles fill without rest -> views of one: the tiles and, where there are several, all."""
ANSWERS = 30
"""Most detections a view, more than castings have defects; with random weights there are as many."""


def rows() -> list[Row]:
    """Each side in one piece, and in tiles where it needs more than one."""
    made = []
    for side, views in SIDES.items():
        whole: dict[str, Any] = {"preset": "demo", "mosaic": 0, "max_size": 2 * side, "detections": ANSWERS,
                                 "score_threshold": 0.0}
        ways = {"in one piece": whole}
        if views > 1:
            ways[f"{views - 1} tiles of {TILE} and the whole image"] = whole | {
                "tile_size": TILE, "tile_overlap": OVERLAP}
        for way, given in ways.items():
            spec = {"size": side, "dtype": "bfloat16", "hyperparameters": given}
            made += [Row(f"{side} x {side}, {way}", f"benchmarks.own.{part}", spec) for part in ("infer", "feed")]
    return made


def table(rounds: int) -> Table:
    """Measure and lay out."""
    compared = compare(rows(), [], at_once=2, rounds=rounds)
    results.write("tiles", compared)
    made = Table(title=f"Tiles: demo preset, bfloat16, {ANSWERS} detections a view, inference with pasting",
                 title_justify="left")
    made.add_column("Image and views")
    for heading in ("one image, ms", "peak MB", "input images/s in training"):
        made.add_column(heading, justify="right")
    for image, feed in zip(compared[::2], compared[1::2], strict=True):
        made.add_row(image.measured.name, results.milliseconds(image.measured), f"{image.measured.peak_rss_mb:.0f}",
                     f"{1.0 / feed.measured.median:.0f}")
    return made
