"""Labelled boxes at the scale of training, and anchors where the network puts them; plain NumPy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskrcnn.model.config import STRIDES, InputConfig, ModelConfig

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Boxes:
    """N boxes, each in its image, all in pixels of the resized image.

    Attributes:
        xywh: [N, 4], x and y of the top left corner.
        extents: [N, 2], width and height of the image.
    """

    xywh: Array
    extents: Array

    @classmethod
    def of(cls, rows: Sequence[tuple[float, ...]], config: InputConfig) -> Boxes:
        """From (x, y, width, height, image width, image height) in the photographs."""
        table = np.asarray(rows, np.float64).reshape(-1, 6)
        scales = scale_of(table[:, 4], table[:, 5], config)[:, None]
        return cls(table[:, :4] * scales, np.ceil(table[:, 4:] * scales))

    def first(self, count: int) -> Boxes:
        """At most so many of them."""
        return Boxes(self.xywh[:count], self.extents[:count])

    @property
    def shapes(self) -> Array:
        """[N, 2] widths and heights."""
        return self.xywh[:, 2:]


@dataclasses.dataclass(frozen=True)
class Anchor:
    """One anchor of every feature pixel of one level."""

    stride_px: int
    width: float
    height: float


def scale_of(width: Array, height: Array, config: InputConfig) -> Array:
    """How many times an image is enlarged: short edge first, then down until the long edge fits."""
    scale = config.short_edge_px / np.minimum(width, height)
    return np.minimum(scale, config.max_size_px / np.maximum(width, height))


def anchors_of(model: ModelConfig, sizes_px: Sequence[float], ratios: Sequence[float]) -> list[Anchor]:
    """Anchors of some sizes and ratios (height over width) on the levels of a model."""
    strides = STRIDES if model.feature_pyramid else (model.rpn.anchor_stride_px,) * len(sizes_px)
    return [
        Anchor(stride, size / math.sqrt(ratio), size * math.sqrt(ratio))
        for stride, size in zip(strides, sizes_px, strict=True)
        for ratio in ratios
    ]


def best_iou(boxes: Boxes, anchors: Sequence[Anchor], *, inside_only: bool) -> Array:
    """IoU [N] of each box with the anchor that fits it best, at the places where the network has anchors.

    Anchors are centred at k * stride (maskrcnn.ops.anchors). With `inside_only` those that reach out of the image do
    not count, as in the labels of the RPN.
    """
    best = np.zeros(len(boxes.xywh))
    for anchor in anchors:
        overlap_x = _overlap(boxes.xywh[:, 0], boxes.xywh[:, 2], boxes.extents[:, 0], anchor.width, anchor.stride_px,
                             inside_only=inside_only)
        overlap_y = _overlap(boxes.xywh[:, 1], boxes.xywh[:, 3], boxes.extents[:, 1], anchor.height, anchor.stride_px,
                             inside_only=inside_only)
        shared = overlap_x * overlap_y
        joined = boxes.xywh[:, 2] * boxes.xywh[:, 3] + anchor.width * anchor.height - shared
        best = np.maximum(best, shared / joined)
    return best


def _overlap(start: Array, length: Array, extent: Array, anchor: float, stride: int, *, inside_only: bool) -> Array:
    """Overlap [N] on one axis with the nearest anchor of the grid; 0 where no anchor may be."""
    first, last = np.zeros_like(extent), np.ceil(extent / stride) - 1
    if inside_only:
        first = np.full_like(extent, math.ceil(anchor / 2 / stride))
        last = np.minimum(last, np.floor((extent - anchor / 2) / stride))
    nearest = np.clip(np.round((start + length / 2) / stride), first, np.maximum(first, last)) * stride
    overlap = np.minimum(start + length, nearest + anchor / 2) - np.maximum(start, nearest - anchor / 2)
    return np.where(first <= last, np.maximum(overlap, 0), 0)


def shape_iou(shapes: Array, centres: Array) -> Array:
    """IoU [N, K] of boxes [N, 2] and [K, 2] that share a centre."""
    shared = np.minimum(shapes[:, None], centres[None]).prod(axis=2)
    joined = shapes.prod(axis=1)[:, None] + centres.prod(axis=1)[None] - shared
    return np.asarray(shared / joined)


def cluster(shapes: Array, count: int, rounds: int = 100) -> Array:
    """k-means of box shapes with 1 - IoU as the distance (Redmon and Farhadi 2017, section 2); no chance in it.

    Args:
        shapes: [N, 2] widths and heights, N at least 1.
        count: How many centres.
        rounds: At most so many.

    Returns:
        [count, 2] medians of the clusters, the smallest area first.
    """
    order = np.argsort(shapes.prod(axis=1), kind="stable")
    middles = (np.arange(count) + 0.5) / count * len(shapes)
    centres = shapes[order[middles.astype(int)]].copy()
    nearest = np.full(len(shapes), -1)
    for _ in range(rounds):
        before, nearest = nearest, shape_iou(shapes, centres).argmax(axis=1)
        if np.array_equal(before, nearest):
            break
        for number in np.unique(nearest):
            centres[number] = np.median(shapes[nearest == number], axis=0)
    return np.asarray(centres[np.argsort(centres.prod(axis=1), kind="stable")])
