"""What a network looks like: frozen settings, faithful to tensorpack's defaults where nothing else is said."""

from __future__ import annotations

import dataclasses
from typing import Literal

Norm = Literal["FreezeBN", "SyncBN", "GN", "None"]
HeadNorm = Literal["None", "GN"]
Padding = Literal["aligned", "same", "symmetric"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

STRIDES = (4, 8, 16, 32, 64)
"""Input pixels per feature pixel on the levels p2 to p6."""
SEAM_PX = 4
"""A box that comes so near to the side of a tile may be cut by it: boxes are hardly finer than a cell of p2."""


@dataclasses.dataclass(frozen=True)
class InputConfig:
    """How an image is resized: its short edge first, then down until the long edge fits; and how it is normalised."""

    short_edge_px: int = 800
    max_size_px: int = 1333
    pixel_mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    """Of R, G, B in 0 to 255; the values of ImageNet, as in tensorpack."""
    pixel_std: tuple[float, ...] = (58.395, 57.12, 57.375)

    @property
    def growth_limit(self) -> float:
        """How many times larger than its anchor or proposal a box side may be."""
        return self.max_size_px / 16.0


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """A ResNet of bottleneck blocks in four groups (He et al. 2015), or a MobileNetV2 (Sandler et al. 2018)."""

    kind: Literal["resnet", "mobilenet_v2"] = "resnet"
    mobilenet_width: float = 1.0
    """Factor on the channels of MobileNetV2, whose blocks are fixed; the next three fields shape a ResNet."""
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    stem_channels: int = 64
    width: int = 64
    """Channels of the 3x3 in the first group; doubles with each group; a group's output has four times it."""
    norm: Norm = "GN"
    freeze_at: int = 0
    """Groups that get no gradient: 1 the stem, 2 the stem and the first group."""
    freeze_affine: bool = False
    """Scales and shifts of the backbone's normalisations get no gradient."""
    padding: Padding = "aligned"
    """Where a stride-2 kernel begins: aligned: the spare row and column before the image (tensorpack's default);
    same: after it (tensorpack's TF_PAD_MODE); symmetric: 3 around the stem, 1 around 3x3 (keras.applications)."""
    stride_in_1x1: bool = False
    """The stride of a group sits in the first 1x1 of its first block, not in the 3x3."""


@dataclasses.dataclass(frozen=True)
class RpnConfig:
    """Region proposal network: which boxes may hold an object."""

    channels: int = 256
    c4_channels: int = 1024
    """Instead of channels where there is no feature pyramid."""
    anchor_sizes_px: tuple[float, ...] = (32.0, 64.0, 128.0, 256.0, 512.0)
    """One a level, p2 to p6; without a feature pyramid all of them at every feature pixel."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""
    anchor_stride_px: int = 16
    """Without a feature pyramid: input pixels per feature pixel; the backbone's c4 has 16."""
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
    crowd_overlap: float = 9.99
    """Anchors with more than this share of their area in a crowd box are ignored; above 1 none is."""
    nms_iou: float = 0.7
    min_size_px: float = 0.0
    train_candidates: int = 2000
    """Boxes a level that go into NMS."""
    train_proposals: int = 2000
    candidates: int = 1000
    proposals: int = 1000
    joint_train_candidates: int = 12000
    """Boxes of an image that go into one NMS: without a feature pyramid, or with proposal_mode Joint."""
    joint_train_proposals: int = 2000
    joint_candidates: int = 6000
    joint_proposals: int = 1000


@dataclasses.dataclass(frozen=True)
class BoxHeadConfig:
    """Class and refined box of a proposal, and what is kept as a detection."""

    pool_size: int = 7
    head: Literal["2fc", "4conv1fc"] = "2fc"
    """Layers of the head on a feature pyramid; without one the backbone's last group is the head."""
    norm: HeadNorm = "None"
    """Of the convolutions of 4conv1fc."""
    conv_channels: int = 256
    """Of the convolutions of 4conv1fc."""
    channels: int = 1024
    samples: int = 512
    positive_iou: float = 0.5
    positive_share: float = 0.25
    regression_weights: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)
    regression_loss: Literal["l1", "huber"] = "l1"
    """huber: with delta 1."""
    cascade: bool = False
    """Three heads, each on the boxes of the one before (Cai and Vasconcelos 2018); needs the feature pyramid."""
    cascade_ious: tuple[float, ...] = (0.5, 0.6, 0.7)
    """Overlap from which a box counts as an object in each stage; positive_iou decides for the first."""
    cascade_regression_weights: tuple[tuple[float, ...], ...] = (
        (10.0, 10.0, 5.0, 5.0), (20.0, 20.0, 10.0, 10.0), (30.0, 30.0, 15.0, 15.0))
    score_threshold: float = 0.05
    nms_iou: float = 0.5
    detections: int = 100


@dataclasses.dataclass(frozen=True)
class MaskHeadConfig:
    """A 2 x pool_size mask per class for a box."""

    pool_size: int = 14
    convolutions: int = 4
    norm: HeadNorm = "None"
    channels: int = 256


@dataclasses.dataclass(frozen=True)
class TilesConfig:
    """Overlapping tiles in which a large image is looked at, each with all of the network: docs/tiling.md."""

    size_px: int = 0
    """Side of a tile of the resized image; 0: the image is seen in one piece."""
    overlap_px: int = 64
    """What neighbours share at least; small objects must fit into it."""
    whole: bool = True
    """The whole image is seen too, made small enough for a tile: for objects that are larger than a tile."""


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A whole Mask R-CNN."""

    input: InputConfig = dataclasses.field(default_factory=InputConfig)
    tiles: TilesConfig = dataclasses.field(default_factory=TilesConfig)
    backbone: BackboneConfig = dataclasses.field(default_factory=BackboneConfig)
    feature_pyramid: bool = True
    """False: the C4 model of the Faster R-CNN paper: all on c4, the backbone's last group as the head of each box."""
    fpn_channels: int = 256
    fpn_norm: HeadNorm = "None"
    proposal_mode: Literal["Level", "Joint"] = "Level"
    """NMS of the proposals within each level, or over all levels at once."""
    rpn: RpnConfig = dataclasses.field(default_factory=RpnConfig)
    box: BoxHeadConfig = dataclasses.field(default_factory=BoxHeadConfig)
    masks: bool = True
    """False: Faster R-CNN, boxes alone."""
    mask: MaskHeadConfig = dataclasses.field(default_factory=MaskHeadConfig)
    roi_samples: int = 2
    """Bilinear samples a bin and axis in ROIAlign: 2 as in tensorpack, 1 is four times cheaper."""
