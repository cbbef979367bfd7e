"""Anchors fitted to the boxes that training will see."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from app.contracts.dataset import ClassDefinition
from app.contracts.portrait import AnchorAdvice
from maskrcnn.data.portrait import anchors
from maskrcnn.data.portrait.boxes import Boxes
from maskrcnn.hyperparameters import Resolved, values
from maskrcnn.model.config import InputConfig
from maskrcnn.training.config import Settings
from maskrcnn.training.labels import Labels

log = logging.getLogger("castline")

MOST_BOXES = 5000
"""Drawn of all, and of each class: recall is then known to a percentage point."""


def fitted(resolved: Resolved, labels: Labels, classes: Sequence[ClassDefinition]) -> Resolved:
    """The hyperparameters with the anchors that fit the labelled boxes best (maskrcnn.data.portrait.anchors).

    The search begins with the given anchors and keeps how many sizes and ratios there are, so the network keeps its
    shapes. The same labels and settings give the same anchors, so a resumed run has those that it began with.

    Args:
        resolved: Their input is the scale at which boxes and anchors meet.
        labels: Of the training images; with fewer than 50 boxes the anchors stay.
        classes: Of the data set.
    """
    settings = resolved.settings
    if len(labels.xywh) < anchors.ENOUGH_BOXES:
        log.info("anchor_fit: the training images have %d boxes, %d are needed: the anchors stay as they are",
                 len(labels.xywh), anchors.ENOUGH_BOXES)
        return resolved
    size = _training_input(settings)
    by_class = {c.name: _drawn(labels, labels.class_id == c.id, size, settings) for c in classes}
    every = _drawn(labels, labels.class_id > 0, size, settings)
    advice = anchors.advise(resolved.preset, settings.model, by_class, every)
    _tell(advice)
    settings = values.replace(settings, "model.rpn.anchor_sizes_px", advice.suggested.sizes_px)
    settings = values.replace(settings, "model.rpn.anchor_ratios", advice.suggested.ratios)
    return dataclasses.replace(resolved, settings=settings)


def _training_input(settings: Settings) -> InputConfig:
    """How training images are resized; to the middle of the range where there is one."""
    edges = settings.training.short_edge_range_px or (settings.model.input.short_edge_px,)
    return dataclasses.replace(settings.model.input, short_edge_px=sum(edges) // len(edges))


def _drawn(labels: Labels, wanted: np.ndarray, size: InputConfig, settings: Settings) -> Boxes:
    """At most MOST_BOXES of the wanted boxes, at the scale of training: with tiles, of both kinds of images."""
    places = np.random.default_rng(settings.training.seed).permutation(np.flatnonzero(wanted))[:MOST_BOXES]
    rows = np.concatenate([labels.xywh[places], labels.extents[labels.image[places]]], 1)
    tile = settings.model.tiles.size_px
    if not tile:
        return Boxes.of(rows.tolist(), size)
    in_tiles, whole = np.split(rows, [round(len(rows) * settings.training.tile_share)])
    large = Boxes.of(in_tiles.tolist(), size)
    small = Boxes.of(whole.tolist(), dataclasses.replace(size, max_size_px=min(tile, size.max_size_px)))
    fits = (large.shapes <= tile).all(1)  # of larger ones a tile shows a part that has no size of its own
    fits |= not fits.any()
    return Boxes(*(np.concatenate([first[fits], second]) for first, second in (
        (large.xywh, small.xywh), (large.extents, small.extents))))


def _tell(advice: AnchorAdvice) -> None:
    for title, found in (("configured", advice.configured), ("fitted", advice.suggested)):
        shares = ", ".join(f"{name} {share:.1%}" for name, share in found.recall50_by_class.items())
        log.info("anchor_fit: the %s anchor_sizes %s with anchor_ratios %s reach %.1f %% of %d boxes with IoU 0.5 "
                 "(%s); mean best IoU %.3f", title, list(found.sizes_px), list(found.ratios), found.recall50 * 100,
                 advice.boxes, shares, found.mean_best_iou)
