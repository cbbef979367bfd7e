"""How far proposals and detections may be cut on castings: recall of a trained model against their number."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

PROPOSALS, DETECTIONS = (25, 50, 100, 200, 300, 500, 1000), (100, 50, 30, 20, 10)


def table(model_dir: Path | None, data: Path | None) -> Table:
    """Lay out recall at IoU 0.5; without a trained model or real castings say what is missing.

    Args:
        model_dir: Artifact of a training, or None for the newest one that `make demo` left.
        data: Folder of labelled castings, or None for none.
    """
    made = Table(title="Recall on held-out castings (IoU 0.5) by number of proposals and detections",
                 title_justify="left")
    newest = sorted(Path(".castline/work/training").glob("*/opt/ml/model/model.json"))
    chosen = model_dir or (newest[-1].parent if newest else None)
    if chosen is None or data is None:
        made.add_column("Not measured: needs --castings FOLDER with labelled castings and a model trained on them, "
                        "from `make demo DATA=FOLDER` or --model FOLDER")
        return made
    from benchmarks.own import castings, recall  # TensorFlow: only where it is used

    made.add_column("Proposals", justify="right")
    made.add_column("Objects proposed", justify="right")
    made.add_column("Detections an image", justify="right")
    for count in DETECTIONS:
        made.add_column(f"Found, at most {count}", justify="right")
    for line in recall.measure(chosen, castings.prepared(data, f"prepared-{data.name}"), PROPOSALS, DETECTIONS):
        made.add_row(str(line.proposals), f"{line.proposed:.3f}", f"{line.found:.0f}",
                     *(f"{line.detected[n]:.3f}" for n in DETECTIONS))
    return made
