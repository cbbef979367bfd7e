"""Anchors fitted to labels that are known."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
from maskrcnn import hyperparameters
from maskrcnn.data.portrait import boxes
from maskrcnn.model.config import InputConfig
from maskrcnn.training import anchor_fit
from maskrcnn.training.labels import Labels

from app.contracts.dataset import ClassDefinition

CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "burr", "defect"), ClassDefinition(3, "none", "part"))


def labelled(count: int) -> Labels:
    """As many disks of 200 x 200 as burrs of 12 x 36, one of each in images of 256 x 256."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 50, (count, 2))
    sides = np.tile([[200, 200], [36, 12]], (count // 2, 1))
    return Labels(np.full((count // 2, 2), 256.0), np.arange(count) // 2, np.arange(count) % 2 + 1,
                  np.concatenate([corners, sides], 1).astype(float), np.ones(count, bool))


def resolved(**given: str) -> hyperparameters.Resolved:
    return hyperparameters.resolve({"preset": "demo", "image_size": "256", "anchor_fit": "True"} | given)


def reached(settings, labels) -> float:
    """Share of boxes that an anchor covers with IoU 0.5."""
    rpn = settings.model.rpn
    rows = np.concatenate([labels.xywh, labels.extents[labels.image]], 1)
    anchors = boxes.anchors_of(settings.model, rpn.anchor_sizes_px, rpn.anchor_ratios)
    placed = boxes.Boxes.of(rows, settings.model.input)
    return float((boxes.best_iou(placed, anchors, inside_only=rpn.inside_only) >= 0.5).mean())


def test_fitted_anchors_reach_boxes_that_the_given_ones_miss(caplog):
    caplog.set_level(logging.INFO, "castline")
    before, labels = resolved(anchor_ratios="[0.8, 1, 1.25]"), labelled(120)
    after = anchor_fit.fitted(before, labels, CLASSES)
    assert reached(before.settings, labels) < 0.75  # the disks, and few of the flat burrs
    assert reached(after.settings, labels) > 0.95
    assert f"the fitted anchor_sizes {list(after.settings.model.rpn.anchor_sizes_px)}" in caplog.text
    assert "burr 0.0%" in caplog.text.splitlines()[0]


def test_network_keeps_its_shapes_and_the_resolved_hyperparameters_name_the_fitted_anchors():
    before = resolved()
    after = anchor_fit.fitted(before, labelled(120), CLASSES)
    assert len(after.settings.model.rpn.anchor_sizes_px) == 5
    assert len(after.settings.model.rpn.anchor_ratios) == 3
    assert after.settings.model.rpn != before.settings.model.rpn
    assert hyperparameters.resolve(after.as_strings()).settings == after.settings
    assert anchor_fit.fitted(before, labelled(120), CLASSES) == after  # as a resumed run needs it


def test_boxes_are_measured_at_the_scale_of_training():
    """Given training images drawn between 400 and 624, then anchors are those of 512, whatever inference takes."""
    drawn = anchor_fit.fitted(resolved(train_short_edge="[400, 624]"), labelled(120), CLASSES)
    large = anchor_fit.fitted(resolved(image_size="512"), labelled(120), CLASSES)
    assert drawn.settings.model.rpn == large.settings.model.rpn
    assert drawn.settings.model.input.short_edge_px == 256


def test_with_tiles_boxes_are_measured_in_tiles_and_in_whole_images():
    """Given images shown twice as large in tiles: burrs of 24 x 72 and, in whole images, disks of 200, none of 400."""
    before, labels = resolved(image_size="512", max_size="600", tile_size="256", anchor_ratios="[0.8, 1, 1.25]"
                              ), labelled(400)
    after = anchor_fit.fitted(before, labels, CLASSES).settings.model
    anchors = boxes.anchors_of(after, after.rpn.anchor_sizes_px, after.rpn.anchor_ratios)
    for width, longest, side in ((36, 600, 72), (36, 256, 36), (200, 256, 200)):
        shown = labels.xywh[labels.xywh[:, 2] == width]
        rows = np.concatenate([shown, np.full((len(shown), 2), 256.0)], 1)
        placed = boxes.Boxes.of(rows, InputConfig(512, longest))
        assert placed.shapes[0].max() == side
        assert (boxes.best_iou(placed, anchors, inside_only=False) >= 0.5).mean() > 0.9


@pytest.mark.parametrize(("tile", "boxes"), [("400", 400), ("384", 200), ("0", 400)])
def test_what_is_larger_than_a_tile_has_no_size_of_its_own_in_one(caplog, tile, boxes):
    """Given images shown as tiles alone, twice as large as they are: the disks have 400 pixels."""
    caplog.set_level(logging.INFO, "castline")
    anchor_fit.fitted(resolved(image_size="512", tile_size=tile, tile_share="1"), labelled(400), CLASSES)
    assert f"% of {boxes} boxes with IoU 0.5" in caplog.text


def test_where_all_is_larger_than_a_tile_the_largest_anchors_are_fitted():
    disks = dataclasses.replace(labelled(120), class_id=np.ones(120, int), xywh=np.tile([5.0, 5, 200, 200], (120, 1)))
    after = anchor_fit.fitted(resolved(image_size="512", tile_size="128", tile_overlap="40", tile_share="1"), disks,
                              CLASSES)
    assert reached(after.settings, disks) == 1.0


@pytest.mark.parametrize("count", [0, 48])
def test_few_boxes_leave_the_anchors_as_they_are(caplog, count):
    caplog.set_level(logging.INFO, "castline")
    assert anchor_fit.fitted(resolved(), labelled(count), CLASSES) == resolved()
    assert f"have {count} boxes, 50 are needed" in caplog.text
