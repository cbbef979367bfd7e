"""What a network looks like: frozen settings, faithful to tensorpack's defaults where nothing else is said."""

from __future__ import annotations

import dataclasses
from typing import Literal

Norm = Literal["FreezeBN", "SyncBN", "GN", "None"]
Precision = Literal["auto", "float32", "bfloat16"]

STRIDES = (4, 8, 16, 32, 64)
"""Input pixels per feature pixel on the levels p2 to p6."""


@dataclasses.dataclass(frozen=True)
class InputConfig:
    """How an image is resized: its short edge first, then down until the long edge fits."""

    short_edge_px: int = 800
    max_size_px: int = 1333

    @property
    def growth_limit(self) -> float:
        """How many times larger than its anchor or proposal a box side may be."""
        return self.max_size_px / 16.0


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """A ResNet of bottleneck blocks in four groups (He et al. 2015; stride in the 3x3)."""

    blocks: tuple[int, ...] = (3, 4, 6, 3)
    stem_channels: int = 64
    width: int = 64
    """Channels of the 3x3 in the first group; doubles with each group; a group's output has four times it."""
    norm: Norm = "GN"
    freeze_at: int = 0
    """Groups that get no gradient: 1 the stem, 2 the stem and the first group."""


@dataclasses.dataclass(frozen=True)
class RpnConfig:
    """Region proposal network: which boxes may hold an object."""

    channels: int = 256
    anchor_sizes_px: tuple[float, ...] = (32.0, 64.0, 128.0, 256.0, 512.0)
    """One a level, p2 to p6."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""
    positive_iou: float = 0.7
    negative_iou: float = 0.3
    loss: Literal["sampled", "focal"] = "sampled"
    """focal: over all anchors (Lin et al. 2017), for objects so small that a random sample meets no hard background."""
    samples: int = 256
    positive_share: float = 0.5
    inside_only: bool = True
    """Only anchors that lie fully inside the image are labelled."""
    keep_best: bool = False
    """The best anchor of an object stays positive even below negative_iou; pays for tiny objects."""
    nms_iou: float = 0.7
    min_size_px: float = 0.0
    train_candidates: int = 2000
    """Boxes a level that go into NMS."""
    train_proposals: int = 2000
    candidates: int = 1000
    proposals: int = 1000


@dataclasses.dataclass(frozen=True)
class BoxHeadConfig:
    """Class and refined box of a proposal, and what is kept as a detection."""

    pool_size: int = 7
    channels: int = 1024
    samples: int = 512
    positive_iou: float = 0.5
    positive_share: float = 0.25
    regression_weights: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)
    score_threshold: float = 0.05
    nms_iou: float = 0.5
    detections: int = 100


@dataclasses.dataclass(frozen=True)
class MaskHeadConfig:
    """A 2 x pool_size mask per class for a box."""

    pool_size: int = 14
    convolutions: int = 4
    channels: int = 256


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A whole Mask R-CNN with a feature pyramid."""

    input: InputConfig = dataclasses.field(default_factory=InputConfig)
    backbone: BackboneConfig = dataclasses.field(default_factory=BackboneConfig)
    fpn_channels: int = 256
    rpn: RpnConfig = dataclasses.field(default_factory=RpnConfig)
    box: BoxHeadConfig = dataclasses.field(default_factory=BoxHeadConfig)
    mask: MaskHeadConfig = dataclasses.field(default_factory=MaskHeadConfig)
    roi_samples: int = 2
    """Bilinear samples a bin and axis in ROIAlign: 2 as in tensorpack, 1 is four times cheaper."""
