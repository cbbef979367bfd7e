"""Inference of one image: uint8 pixels in, masks in the pixels of the image out."""

from __future__ import annotations

from rich.table import Table

from benchmarks import results, stacks
from benchmarks.runner import Compared
from benchmarks.stacks import EQUAL, FOUR, TFM, TFM_BF16, Stack
from benchmarks.tables import comparison

CASTING_PROPOSALS = 300
"""As many as recall on castings asks for: table recall."""
CASTING_ANSWERS = 5
"""Objects on a real casting: 4 in the median of 195, 5.7 on average. Only what is answered gets a mask."""


def rows(detections: int, *, quick: bool) -> list[Stack]:
    """Everything that is compared, the two leads first."""
    leads = [stacks.tfm("infer", dtype, "2fc", detections=detections) for dtype in ("float32", "bfloat16")]
    equal = EQUAL | {"detections": detections}
    ours = [stacks.own(f"Castline {dtype}", "infer", dtype, equal) for dtype in ("float32", "bfloat16")]
    if quick:
        return leads + ours
    cut = equal | {"proposals": CASTING_PROPOSALS}
    casting = stacks.own(f"Castline bfloat16, {CASTING_PROPOSALS} proposals, {CASTING_ANSWERS} answered", "infer",
                         "bfloat16", cut, proposals=CASTING_PROPOSALS, answered=CASTING_ANSWERS)
    return [
        *leads, *ours, *([casting] if detections > CASTING_ANSWERS else []),
        stacks.own("Castline bfloat16, 4 samples a bin", "infer", "bfloat16", equal | FOUR),
        stacks.own(f"Castline bfloat16, {CASTING_PROPOSALS} proposals", "infer", "bfloat16", cut,
                   proposals=CASTING_PROPOSALS),
        stacks.tfm("infer", "float32", "default", detections=detections),
        stacks.torchvision("infer", "float32", detections=detections),
        stacks.torchvision("infer", "bfloat16", detections=detections),
    ]


def table(detections: int, rounds: int, *, quick: bool) -> Table:
    """Measure and lay out."""
    headings = ("ms (quartiles)", "vs tf-models", "vs its bf16", "without pasting, ms", "detections", "of peak",
                "first answer, s", "peak MB")
    title = (f"Inference, R50-FPN, {stacks.SIZE} x {stacks.SIZE}, 1 image to pasted masks, at most {detections} "
             "detections")
    return comparison.table(f"inference-{detections}", title, headings, rows(detections, quick=quick), _cells,
                            at_once=4, rounds=rounds)


def _cells(stack: Stack, item: Compared) -> list[str]:
    measured = item.measured
    network = measured.figures.get("network_seconds")
    return [measured.name, results.milliseconds(measured), f"{item.time_ratio(TFM):.2f}",
            f"{item.time_ratio(TFM_BF16):.2f}", f"{1000 * network:.0f}" if network else "inside",
            f"{measured.figures['detections']:.0f}", f"{stack.share_of_peak(item, training=False):.0%}",
            f"{measured.start_seconds:.0f}", f"{measured.peak_rss_mb:.0f}"]
