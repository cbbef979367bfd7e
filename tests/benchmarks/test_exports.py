"""The table of exports has a row for each folder, with its own fastest sample."""

from __future__ import annotations

import io
import itertools
import json
from types import SimpleNamespace

import numpy as np
from PIL import Image
from rich.console import Console

from benchmarks import exports


def test_rows_have_the_figures_of_the_report_and_the_fastest_sample(tmp_path, monkeypatch):
    """Given samples of 5, 9 and 7 ms of the first export and 2, 1 and 3 ms of the second, taken in turn."""
    seconds = itertools.accumulate((0.005, 0, 0.002, 0, 0.009, 0, 0.001, 0, 0.007, 0, 0.003, 0), initial=0.0)
    monkeypatch.setattr(exports, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    monkeypatch.setattr(exports.LitePredictor, "load", lambda folder, threads: SimpleNamespace(
        predict=lambda image, min_score: threads))
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "photo.png")
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, quantization in zip(folders, ("float32", "int8"), strict=True):
        folder.mkdir()
        (folder / "export.json").write_text(json.dumps({
            "run_id": "run-1", "quantization": quantization, "height": 64, "width": 96,
            "export": {"bytes": 1_234_567, "box_ap": 0.5, "mask_ap": 0.4},
            "saved_model": {"box_ap": 0.51, "mask_ap": 0.42}}))
    page = Console(file=io.StringIO(), width=200)
    page.print(exports.table(tmp_path / "photo.png", folders, 3))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in page.file.getvalue().splitlines()
            if "run-1" in line]
    assert rows == [
        ["run-1", "float32", "64 x 96", "1.23", "0.500", "0.400", "0.510, 0.420", "5.0"],
        ["run-1", "int8", "64 x 96", "1.23", "0.500", "0.400", "0.510, 0.420", "1.0"],
    ]
