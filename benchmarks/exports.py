"""What LiteRT exports cost on this processor: `python -m benchmarks.exports PHOTO FOLDER...`, as a table.

One thread each, taken in turn, and the fastest of all samples: other work can only make a sample slower.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from maskrcnn.export.lite_predictor import REPORT_FILE, LitePredictor
from maskrcnn.serving import images as decoder
from rich.console import Console
from rich.table import Table

ROUNDS = 60


def table(photo: Path, folders: list[Path], rounds: int) -> Table:
    """One row an export: what it was measured at when it was written, and its time on the photograph now."""
    image = decoder.decode(photo.read_bytes())
    predictors = [LitePredictor.load(folder, threads=1) for folder in folders]
    best = [float("inf")] * len(folders)
    for _ in range(rounds):
        for index, predictor in enumerate(predictors):
            started = time.perf_counter()
            predictor.predict(image, min_score=0.5)
            best[index] = min(best[index], (time.perf_counter() - started) * 1000)
    made = Table("run", "quantization", "size", "MB", "box AP", "mask AP", "of the SavedModel", "ms, one thread")
    for folder, milliseconds in zip(folders, best, strict=True):
        report = json.loads((folder / REPORT_FILE).read_text())
        after, before = report["export"], report["saved_model"]
        made.add_row(report["run_id"], report["quantization"], f"{report['height']} x {report['width']}",
                     f"{after['bytes'] / 1e6:.2f}", f"{after['box_ap']:.3f}", f"{after['mask_ap']:.3f}",
                     f"{before['box_ap']:.3f}, {before['mask_ap']:.3f}", f"{milliseconds:.1f}")
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exports", description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", help="that maskrcnn.export --format litert wrote")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    Console().print(table(given.photo, given.folders, given.rounds))


if __name__ == "__main__":
    main()
