"""The rows of the tables: each stack with its settings, and the work it does."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks import environments, flops, scenes
from benchmarks.runner import Compared, Measured, Row

SIZE = 512
SAMPLED = 512
"""Proposals through the box head in training."""
PROPOSALS, DETECTIONS = 1000, 100
TFM, TFM_BF16, TFM_DEFAULT = "tf-models 2fc float32", "tf-models 2fc bfloat16", "tf-models default float32"
PEAKS = {"float32": "convolution peak float32", "bfloat16": "convolution peak bfloat16"}
EQUAL = {"batch_norm": "SyncBN", "train_proposals": PROPOSALS, "gradient_clip": 0, "roi_samples": 1}
"""Hyperparameters for the work that tf-models does: live batch norm everywhere, 1000 proposals, no clipping, one
bilinear sample a bin in ROIAlign (torchvision takes four, as tensorpack and our preset do)."""
FOUR = {"roi_samples": 2}
"""Two bilinear samples a bin and axis."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """A row with what is needed to count its operations."""

    row: Row
    batch: int = 1
    proposals: int = PROPOSALS
    freeze: bool = False
    box_head: str = "2fc"

    @property
    def precision(self) -> str:
        """float32 or bfloat16."""
        return str(self.row.spec["dtype"])

    def operations(self, measured: Measured, *, training: bool, done: bool = False) -> float:
        """Operations of one sample, with the masks that it reported.

        Args:
            measured: The row.
            training: Forward and backward.
            done: Leave out what this stack need not do: ours takes the RPN's gradient at sampled anchors alone.
        """
        masks = measured.figures["masks" if training else "detections"]
        share = flops.per_image(SIZE, proposals=SAMPLED if training else self.proposals, masks=masks,
                                classes=scenes.CLASSES, box_head=self.box_head)
        if not training:
            return self.batch * share.inference()
        sparse = done and self.row.module.startswith("benchmarks.own")
        return self.batch * share.training(freeze=self.freeze, rpn_backward=not sparse)

    def share_of_peak(self, compared: Compared, *, training: bool, done: bool = False) -> float:
        """How much of the convolution peak of its precision, measured beside it, this row reached."""
        peak = 1.0 / compared.leads[PEAKS[self.precision]].median
        return self.operations(compared.measured, training=training, done=done) / compared.measured.median / peak


def own(name: str, module: str, dtype: str, hyperparameters: dict[str, Any], *, batch: int = 1,
        proposals: int = PROPOSALS, **more: Any) -> Stack:
    """A row of this project; `hyperparameters` lie over preset r50, `more` is for its worker."""
    spec = {"size": SIZE, "batch": batch, "dtype": dtype, "hyperparameters": hyperparameters, **more}
    freeze = str(hyperparameters.get("freeze_at", 0)) == "2"
    return Stack(Row(name, f"benchmarks.own.{module}", spec), batch, proposals, freeze)


def tfm(mode: str, dtype: str, head: str, *, batch: int = 1, detections: int = DETECTIONS) -> Stack:
    """A row of tf-models-official."""
    environment = environments.tfm()
    spec = {"mode": mode, "size": SIZE, "batch": batch, "dtype": dtype, "head": head, "detections": detections}
    row = Row(f"tf-models {head} {dtype}", "benchmarks.peers.tfm.worker", spec, environment.python,
              environment.unavailable)
    return Stack(row, batch, box_head="2fc" if head == "2fc" else "4conv1fc")


def torchvision(mode: str, dtype: str, *, batch: int = 1, detections: int = DETECTIONS) -> Stack:
    """A row of torchvision."""
    environment = environments.torchvision()
    spec = {"mode": mode, "size": SIZE, "batch": batch, "dtype": dtype, "detections": detections}
    return Stack(Row(f"torchvision {dtype}", "benchmarks.peers.torchvision.worker", spec, environment.python,
                     environment.unavailable), batch)


def peaks() -> list[Row]:
    """What the machine can do, measured in every session."""
    return [Row(name, "benchmarks.own.peak", {"dtype": dtype}) for dtype, name in PEAKS.items()]
