"""The presets as they are: what a step, an image and the input pipeline take."""

from __future__ import annotations

from rich.table import Table

from benchmarks import results
from benchmarks.runner import Compared, Measured, Row, compare

SIZE = 512
PRESETS = {"demo": 4, "r50": 2}
"""Images a step."""
STEPS, IMAGES, FEED = "training step", "inference", "input"
ENOUGH = 5.0
"""Input images for each image that training takes: below it training may wait."""


def rows() -> list[Row]:
    """Each preset in the precision that a processor with bfloat16 chooses, from scratch."""
    made = []
    for preset, batch in PRESETS.items():
        given = {"preset": preset, "batch_size_per_gpu": batch}
        spec = {"size": SIZE, "batch": batch, "dtype": "bfloat16", "hyperparameters": given}
        made += [Row(f"{preset} {STEPS}", "benchmarks.own.train", spec),
                 Row(f"{preset} {IMAGES}", "benchmarks.own.infer", spec),
                 Row(f"{preset} {FEED}", "benchmarks.own.feed", spec)]
    return made


def table(rounds: int) -> Table:
    """Measure and lay out."""
    compared = compare(rows(), [], at_once=len(PRESETS) * 3, rounds=rounds)
    results.write("presets", compared)
    return _laid_out({item.measured.name: item.measured for item in compared})


def _laid_out(measured: dict[str, Measured]) -> Table:
    made = Table(title=f"Presets, bfloat16, {SIZE} x {SIZE}: training, inference with pasting, input pipeline",
                 title_justify="left")
    made.add_column("Preset")
    for heading in ("images a step", "step, ms", "trained images/s", "one image, ms", "input images/s",
                    f"input / trained (want {ENOUGH:.0f})", "first step, s", "peak MB"):
        made.add_column(heading, justify="right")
    for preset, batch in PRESETS.items():
        step, image, feed = (measured[f"{preset} {part}"] for part in (STEPS, IMAGES, FEED))
        trained, fed = batch / step.median, 1.0 / feed.median
        made.add_row(preset, str(batch), results.milliseconds(step), f"{trained:.2f}", results.milliseconds(image),
                     f"{fed:.0f}", f"{fed / trained:.0f}", f"{step.start_seconds:.0f}", f"{step.peak_rss_mb:.0f}")
    return made


def evaluation(rounds: int) -> Table:
    """COCO evaluation of 500 images with 20,000 answers."""
    compared: list[Compared] = compare([Row("evaluation", "benchmarks.own.evaluate", {"size": SIZE})], [], at_once=1,
                                       rounds=rounds)
    results.write("evaluation", compared)
    made = Table(title="COCO evaluation of 500 images, 20,000 answers, boxes and masks", title_justify="left")
    made.add_column("ms (quartiles)")
    made.add_row(results.milliseconds(compared[0].measured))
    return made
