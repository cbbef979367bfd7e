"""Tiles in the trained model: for the endpoint, for evaluation and in a SavedModel it is one and the same answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.export import saved_model
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import Predictor, write_artifact

from app.contracts.dataset import ClassDefinition

TINY = {"preset": "demo", "image_size": "200", "max_size": "280", "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8",
        "resnet_stem_channels": "8", "fpn_channels": "8", "rpn_channels": "8", "box_channels": "16",
        "mask_channels": "8", "candidates": "20", "proposals": "10", "detections": "9", "score_threshold": "0.0",
        "precision": "float32"}
TILES = {"tile_size": "128", "tile_overlap": "40"}
CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "holes", "defect"))
IMAGE = np.random.default_rng(0).integers(0, 255, (100, 140, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    def trained(**given: str) -> Predictor:
        resolved = hyperparameters.resolve(TINY | given)
        tf.random.set_seed(0)
        model = MaskRCNN(resolved.settings.model, len(CLASSES))
        for name, variable in model.named_variables().items():
            if name.endswith("/W") and name.startswith(("rpn/", "fastrcnn/outputs/", "maskrcnn/")):
                variable.assign(variable * 4.0)  # outputs that differ from box to box
        card = ModelCard("run-1", "v1", CLASSES, resolved.preset, resolved.as_strings(), 1)
        folder = tmp_path_factory.mktemp("model")
        write_artifact(model, card, folder)
        return Predictor.load(folder)

    return trained


@pytest.fixture(scope="module")
def tiled(predictor):
    return predictor(**TILES)


@pytest.fixture(scope="module")
def everything(tiled):
    return tiled.predict(IMAGE)


def test_a_trained_model_keeps_its_tiles(predictor, everything):
    """Given the artifact of a training with tiles: the model that is loaded from it looks at tiles."""
    assert len(everything) == 9
    assert everything.masks.shape == (9, 100, 140)
    assert (everything.boxes >= 0).all()
    assert (everything.boxes <= [140, 100, 140, 100]).all()
    assert (np.diff(everything.scores) <= 0).all()
    assert not np.allclose(everything.boxes, predictor().predict(IMAGE).boxes, atol=1.0)


def test_asking_for_certain_instances_leaves_out_the_others_and_changes_none(tiled, everything):
    """The endpoint asks for certain instances, evaluate for all: golden answers are the same."""
    certain = tiled.predict(IMAGE, float(everything.scores[3]) - 1e-6)
    assert len(certain) == 4
    for ours, theirs in zip(dataclasses.astuple(certain), dataclasses.astuple(everything), strict=True):
        np.testing.assert_array_equal(ours, theirs[:4])


def test_an_image_that_fits_into_a_tile_has_the_answer_that_it_has_without_tiles(predictor):
    small = {"image_size": "90", "max_size": "130"}
    ours, theirs = (dataclasses.astuple(predictor(**small, **tiles).predict(IMAGE)) for tiles in (TILES, {}))
    for part, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-4)


def test_without_masks_too(predictor):
    detections = predictor(mode_mask="False", **TILES).predict(IMAGE)
    assert len(detections) == 9
    assert detections.masks.any((1, 2)).all()


def test_saved_model_looks_at_tiles_and_answers_the_same(tiled, everything, tmp_path):
    saved_model.write(tiled, tmp_path / "saved")
    signatures = tf.saved_model.load(str(tmp_path / "saved")).signatures
    one = signatures["pasted"](image=tf.constant(IMAGE))
    np.testing.assert_allclose(one["boxes"], everything.boxes, atol=1e-3)
    disputed = (one["masks"].numpy() >= 0.5) != everything.masks
    assert everything.masks.any()
    assert np.abs(one["masks"].numpy()[disputed] - 0.5).max(initial=0.0) < 1e-4
    several = signatures["batch"](images=tf.constant(np.stack([IMAGE, IMAGE])))
    assert several["count"].numpy().tolist() == [9, 9]
    np.testing.assert_allclose(several["boxes"][1], everything.boxes, atol=1e-3)
