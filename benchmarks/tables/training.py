"""The training step: time, memory and share of the machine's peak, against the peers at the same work."""

from __future__ import annotations

from rich.table import Table

from benchmarks import results, stacks
from benchmarks.runner import Compared
from benchmarks.stacks import EQUAL, FOUR, TFM, TFM_BF16, Stack
from benchmarks.tables import comparison

FROZEN = EQUAL | {"batch_norm": "FreezeBN", "freeze_at": 2, "backbone_weights": "random"}
"""Fine-tuning as tensorpack does it; nothing is loaded, the time is the same."""
ALL_MASKS = EQUAL | {"box_positive_iou": 0.05}
"""So many proposals count as foreground that the mask head sees 128 an image, as always in tf-models."""


def rows(batch: int, *, quick: bool) -> list[Stack]:
    """Everything that is compared, the two leads first."""
    leads = [stacks.tfm("train", dtype, "2fc", batch=batch) for dtype in ("float32", "bfloat16")]
    ours = [
        stacks.own("Castline float32", "train", "float32", EQUAL, batch=batch),
        stacks.own("Castline bfloat16", "train", "bfloat16", EQUAL, batch=batch),
    ]
    if quick:
        return leads + ours
    return [
        *leads, *ours,
        stacks.own("Castline bfloat16, 128 masks", "train", "bfloat16", ALL_MASKS, batch=batch),
        stacks.own("Castline bfloat16, 4 samples a bin", "train", "bfloat16", EQUAL | FOUR, batch=batch),
        stacks.own("Castline bfloat16, FreezeBN", "train", "bfloat16", FROZEN, batch=batch),
        stacks.tfm("train", "float32", "default", batch=batch),
        stacks.torchvision("train", "float32", batch=batch),
        stacks.torchvision("train", "bfloat16", batch=batch),
    ]


def table(batch: int, rounds: int, *, quick: bool) -> Table:
    """Measure and lay out.

    "of peak" counts the operations that the model and its loss are said to take, as the peers do them; "done" those
    that the stack does: it is lower for ours, which saves some.
    """
    headings = ("ms (quartiles)", "vs tf-models", "vs its bf16", "peak MB", "vs tf-models", "masks/image", "of peak",
                "done", "first step, s")
    title = f"Training step, R50-FPN, {stacks.SIZE} x {stacks.SIZE}, batch {batch}"
    return comparison.table(f"training-batch-{batch}", title, headings, rows(batch, quick=quick), _cells, at_once=3,
                            rounds=rounds)


def _cells(stack: Stack, item: Compared) -> list[str]:
    measured = item.measured
    return [measured.name, results.milliseconds(measured), f"{item.time_ratio(TFM):.2f}",
            f"{item.time_ratio(TFM_BF16):.2f}", f"{measured.peak_rss_mb:.0f}", f"{item.memory_ratio(TFM):.2f}",
            f"{measured.figures['masks']:.0f}", f"{stack.share_of_peak(item, training=True):.0%}",
            f"{stack.share_of_peak(item, training=True, done=True):.0%}", f"{measured.start_seconds:.0f}"]
