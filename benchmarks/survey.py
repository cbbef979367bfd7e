"""Every real sample set through the whole of it: `python -m benchmarks.survey ../shared/data`.

Each set is imported as its tool wrote it, trains one step of a tiny model by the container's own program, and is
exported to every format. Prints a table for people, or with --markdown the one of docs/formats.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.contracts import documents
from app.contracts.dataset import Finding, PrepareResult
from app.contracts.settings import DataSettings
from app.contracts.uploads import NOTE_NAME, UploadNote

ONE_STEP = {
    "preset": "demo", "run_id": "survey", "version": "v1", "image_size": "128", "max_size": "192",
    "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8", "resnet_stem_channels": "8", "fpn_channels": "16",
    "rpn_channels": "16", "box_channels": "16", "mask_channels": "8", "mask_convolutions": "1", "mosaic": "0",
    "batch_size_per_gpu": "1", "images_per_epoch": "1", "epochs": "1", "eval_period": "1", "warmup": "0",
    "train_candidates": "50", "train_proposals": "20", "candidates": "50", "proposals": "10", "box_samples": "16",
    "detections": "5", "anchor_sizes": "[8, 16, 32, 64, 96]", "precision": "float32",
}


@dataclasses.dataclass(frozen=True)
class RealSet:
    """One sample set below the folder of samples.

    Attributes:
        name: What it is called in the table.
        folder: Where it lies.
        parts: Files and folders of it that make the upload; all when empty.
        labels: Of the photographs, only those with a label of the same name here.
        note: What an uploader would say by --format and --class.
    """

    name: str
    folder: str
    parts: tuple[str, ...] = ()
    labels: str = ""
    note: UploadNote | None = None


SETS = (
    RealSet("castings", "casting"),
    RealSet("Supervisely tutorials", "sly_tutorial_projects"),
    RealSet("BSData ball screws", "bsdata_labelme", ("img", "label"), labels="label"),
    RealSet("BSData with imageData", "bsdata_labelme", ("img", "label_with_imageData"), labels="label_with_imageData"),
    RealSet("fruits and nuts, COCO", "fruits_nuts", ("images", "coco_trainval.json")),
    RealSet("fruits and nuts, labelme", "fruits_nuts", ("images", "labelme")),
    RealSet("tiny COCO", "tinycoco"),
    RealSet("BBox-Label-Tool", "bbox_label_tool", ("Images", "Labels", "class.txt")),
    RealSet("the same without classes", "bbox_label_tool", ("Images", "labels_original_puzzledqs_no_class"),
            note=UploadNote(class_name="animal")),
)


@dataclasses.dataclass(frozen=True)
class Passed:
    """What came of one set."""

    name: str
    result: PrepareResult
    rules: dict[str, int]
    """rule -> findings."""
    loss: float
    """total_cost of the one step."""
    prepare_seconds: float
    step_seconds: float
    export_seconds: dict[str, float]


def survey(samples: Path) -> Iterator[Passed]:
    """Take every set that is there through import, one step and every export."""
    for real in SETS:
        if (samples / real.folder).is_dir():
            with tempfile.TemporaryDirectory(prefix="castline-survey-") as work:
                yield _take_through(real, samples / real.folder, Path(work))


def _take_through(real: RealSet, source: Path, work: Path) -> Passed:
    from maskrcnn.data.local import prepare_folder  # here, so that --help needs no TensorFlow

    _stage(real, source, work / "inbox" / real.folder)
    began = time.monotonic()
    result = prepare_folder(work / "inbox", work / "bucket", DataSettings(max_bad_share=0.999))
    prepared = time.monotonic()
    loss = _one_step(work / "bucket", work / "ml")
    trained = time.monotonic()
    exports = _export(work / "bucket", result.version, work / "exports")
    found = json.loads((work / "bucket/output/findings.json").read_text())
    rules = [documents.from_plain(Finding, finding).rule for finding in found]
    counts = {rule: rules.count(rule) for rule in sorted(set(rules))}
    return Passed(real.name, result, counts, loss, prepared - began, trained - prepared, exports)


def _stage(real: RealSet, source: Path, upload: Path) -> None:
    """Copy what makes the upload."""
    for part in real.parts or tuple(path.name for path in source.iterdir()):
        if (source / part).is_dir():
            shutil.copytree(source / part, upload / part)
        else:
            upload.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / part, upload / part)
    if real.labels:
        stems = {path.stem for path in (source / real.labels).iterdir()}
        for photograph in (upload / real.parts[0]).iterdir():
            if photograph.stem not in stems:
                photograph.unlink()
    if real.note:
        (upload / NOTE_NAME).write_text(documents.to_json(real.note))


def _one_step(bucket: Path, ml: Path) -> float:
    """Train one step by the container's program; gives its total_cost.

    Raises:
        RuntimeError: the program logged no cost.
    """
    from maskrcnn.layout import Layout
    from maskrcnn.programs import train

    layout = Layout(ml)
    for channel in ("train", "val", "dataset"):
        shutil.copytree(bucket / channel, layout.channel(channel))
    layout.hyperparameters.parent.mkdir(parents=True)
    layout.hyperparameters.write_text(json.dumps(ONE_STEP))
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("castline")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        train.train(layout)
    finally:
        log.removeHandler(handler)
    costs = [float(m.partition(": ")[2]) for m in messages if m.startswith("total_cost: ")]
    if not costs:
        raise RuntimeError(f"training logged no total_cost: {messages[-3:]}")
    return costs[-1]


def _export(bucket: Path, version: str, target: Path) -> dict[str, float]:
    from maskrcnn.data.export import export
    from maskrcnn.data.exporters import EXPORTERS
    from maskrcnn.local_store import LocalStore

    seconds = {}
    for exporter in EXPORTERS:
        began = time.monotonic()
        export(LocalStore(bucket), version, exporter.name, target / exporter.name)
        seconds[exporter.name] = time.monotonic() - began
    return seconds


def table(rows: Sequence[Passed]) -> Table:
    """For a terminal."""
    shown = Table(title="Real sample sets: imported, one training step, exported to every format")
    for place, name in enumerate(COLUMNS):
        shown.add_column(name, justify="left" if place in (0, 1, 4) else "right")
    for row in rows:
        shown.add_row(*_cells(row))
    return shown


COLUMNS = ("set", "format", "images", "objects", "findings", "loss of one step", "import s", "step s", "exports s")


def markdown(rows: Sequence[Passed]) -> str:
    """For docs/formats.md."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Passed) -> tuple[str, ...]:
    findings = ", ".join(f"{count} {rule}" for rule, count in row.rules.items()) or "none"
    exports = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row.export_seconds.items())
    return (row.name, ", ".join(row.result.formats), str(sum(row.result.images.values())),
            str(sum(row.result.instances.values())), findings, f"{row.loss:.2f}", f"{row.prepare_seconds:.1f}",
            f"{row.step_seconds:.1f}", exports)


def main() -> int:
    """Command line; exit status 1 when there is no sample."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, help="folder of the sample sets (casting, tinycoco, ...)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    given = parser.parse_args()
    rows = list(survey(given.samples))
    if not rows:
        print(f"{given.samples}: no sample set in it: it should hold {SETS[0].folder} and others", file=sys.stderr)
        return 1
    if given.markdown:
        print(markdown(rows))
    else:
        Console().print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
