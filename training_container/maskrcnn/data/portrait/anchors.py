"""Which anchors and which input size the labelled boxes ask for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from app.contracts.portrait import AnchorAdvice, AnchorSet, InputAdvice
from maskrcnn.data.portrait import boxes as geometry
from maskrcnn.data.portrait.boxes import Array, Boxes
from maskrcnn.model.config import STRIDES, InputConfig, ModelConfig

MIN_CELLS = 4
"""Pixels of the finest feature map (stride 4: 16 px) that small objects should span. Below 16 px begins what
benchmarks of tiny objects call tiny, and where detectors lose most (Wang et al. 2021, AI-TOD: tiny is 8 to 16 px)."""
MAX_MAGNIFICATION = 2.0
"""Enlarging a photograph further shows nothing new and costs with the square."""
SIZE_STEP_PX = 32  # every level of the pyramid divides it
ENOUGH_OBJECTS, ENOUGH_BOXES = 10, 50
"""Below, percentiles of a class, and anchors fitted to all boxes, say more about chance than about the data."""
NOTEWORTHY = 0.04
"""Gain in mean best IoU and in the share that is reached, added, below which a suggestion is not worth a change."""
_FITTED = 400  # boxes a class that suggestions are fitted to
_STEPS = (2.0, 1.25, 1.1)
Sizes = tuple[float, ...]


def advise(preset: str, model: ModelConfig, by_class: Mapping[str, Boxes], every: Boxes) -> AnchorAdvice:
    """Compare the configured anchors with those that the boxes suggest.

    Sizes begin as the square roots of the areas of k-means clusters, one a level, and ratios as the configured ones;
    then each is moved as long as the boxes fit better where the network has its anchors. Every class counts the same,
    so that a frequent class does not take all anchors for itself.

    Args:
        preset: Name of the settings.
        model: The settings.
        by_class: Boxes of each class.
        every: A sample of all boxes, at least one.
    """
    rpn = model.rpn
    levels, kinds = len(rpn.anchor_sizes_px), len(rpn.anchor_ratios)
    some = [boxes.first(_FITTED) for boxes in by_class.values() if len(boxes.xywh)]
    start = _rising(np.sqrt(geometry.cluster(np.concatenate([boxes.shapes for boxes in some]), levels).prod(axis=1)))
    suggestions = [_refined(model, sizes, rpn.anchor_ratios, some) for sizes in (start, rpn.anchor_sizes_px)]
    sizes, ratios = max(suggestions, key=lambda found: _fit(model, found[0], found[1], some))
    gain = _fit(model, sizes, ratios, some) - _fit(model, rpn.anchor_sizes_px, rpn.anchor_ratios, some)
    free = geometry.shape_iou(every.shapes, geometry.cluster(every.shapes, levels * kinds)).max(axis=1)
    return AnchorAdvice(
        preset, model.input.short_edge_px, model.input.max_size_px, len(every.xywh),
        _measured(model, rpn.anchor_sizes_px, rpn.anchor_ratios, by_class, every),
        _measured(model, sizes, ratios, by_class, every), round(float(free.mean()), 4),
        gain >= NOTEWORTHY and len(every.xywh) >= ENOUGH_BOXES)


def advise_input(
    config: InputConfig, finest_stride_px: int, defects: Mapping[str, Boxes], photographs: Array
) -> InputAdvice | None:
    """Choose the short edge at which the small objects of the smallest defect class span enough feature pixels.

    Args:
        config: The present setting.
        finest_stride_px: Of the feature map on which the smallest objects are found.
        defects: Boxes at the present scale, by defect class.
        photographs: [N, 2] widths and heights as uploaded, at least one.

    Returns:
        None where no defect is labelled.
    """
    counted = {name: b for name, b in defects.items() if len(b.xywh) >= ENOUGH_OBJECTS}
    tenths = {name: float(np.percentile(b.shapes.max(axis=1), 10))
              for name, b in (counted or defects).items() if len(b.xywh)}
    if not tenths:
        return None
    name = min(tenths, key=lambda n: (tenths[n], n))
    scale = float(np.median(geometry.scale_of(photographs[:, 0], photographs[:, 1], config)))
    needed = float(MIN_CELLS * finest_stride_px)
    wanted = _up(config.short_edge_px * needed / tenths[name])
    limit = max(_up(float(np.median(photographs.min(axis=1))) * MAX_MAGNIFICATION), config.short_edge_px)
    suggested = min(max(wanted, config.short_edge_px), limit)
    return InputAdvice(name, round(tenths[name] / scale, 2), round(tenths[name], 2), needed, config.short_edge_px,
                       suggested, wanted > limit, round((suggested / config.short_edge_px) ** 2, 2))


def finest_stride(model: ModelConfig) -> int:
    """Input pixels per pixel of the finest feature map that proposals come from."""
    return STRIDES[0] if model.feature_pyramid else model.rpn.anchor_stride_px


def _measured(
    model: ModelConfig, sizes: Sizes, ratios: Sizes, by_class: Mapping[str, Boxes],
    every: Boxes,
) -> AnchorSet:
    anchors = geometry.anchors_of(model, sizes, ratios)
    inside_only = model.rpn.inside_only
    best = geometry.best_iou(every, anchors, inside_only=inside_only)
    recalls = {name: _recall(geometry.best_iou(boxes, anchors, inside_only=inside_only))
               for name, boxes in by_class.items() if len(boxes.xywh)}
    return AnchorSet(sizes, ratios, round(float(best.mean()), 4), _recall(best), recalls)


def _recall(best: Array) -> float:
    return round(float((best >= 0.5).mean()), 4)


def _fit(model: ModelConfig, sizes: Sizes, ratios: Sizes, classes: Sequence[Boxes]) -> float:
    """Mean best IoU plus share reached with IoU 0.5, both as means over classes: 0 to 2."""
    anchors = geometry.anchors_of(model, sizes, ratios)
    best = [geometry.best_iou(boxes, anchors, inside_only=model.rpn.inside_only) for boxes in classes]
    return float(np.mean([iou.mean() + (iou >= 0.5).mean() for iou in best]))


def _refined(model: ModelConfig, sizes: Sizes, ratios: Sizes, classes: Sequence[Boxes]) -> tuple[Sizes, Sizes]:
    """Move one size or ratio at a time, in shrinking steps, while the boxes fit better."""
    best = _fit(model, sizes, ratios, classes)
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for new_sizes, new_ratios in _neighbours(sizes, ratios, step):
                fit = _fit(model, new_sizes, new_ratios, classes)
                if fit > best + 1e-4:
                    best, sizes, ratios, improved = fit, new_sizes, new_ratios, True
    return sizes, ratios


def _neighbours(sizes: Sizes, ratios: Sizes, step: float) -> Iterator[tuple[Sizes, Sizes]]:
    for place, factor in itertools.product(range(len(sizes)), (step, 1 / step)):
        yield _rising([*sizes[:place], sizes[place] * factor, *sizes[place + 1 :]]), ratios
    for place, factor in itertools.product(range(len(ratios)), (step, 1 / step)):
        moved = (*ratios[:place], round(ratios[place] * factor, 2), *ratios[place + 1 :])
        yield sizes, tuple(sorted(moved))


def _rising(sizes: Iterable[float]) -> Sizes:
    """Whole sizes, each above the one before: a level needs a size of its own."""
    rising: list[float] = []
    for size in sorted(sizes):
        rising.append(max(float(round(size)), 4.0, *(before + 1 for before in rising[-1:])))
    return tuple(rising)


def _up(pixels: float) -> int:
    return math.ceil(pixels / SIZE_STEP_PX) * SIZE_STEP_PX
