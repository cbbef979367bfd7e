"""From a model's folder to instances, also of a network that finds boxes alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import Predictor, write_artifact
from maskrcnn.serving.answer import all_instances, answer, assemble

from app.contracts.dataset import ClassDefinition
from app.contracts.settings import VerdictSettings

TINY = {"preset": "demo", "image_size": "64", "max_size": "96", "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8",
        "resnet_stem_channels": "8", "fpn_channels": "8", "rpn_channels": "8", "box_channels": "16",
        "mask_channels": "8", "candidates": "20", "proposals": "10", "detections": "5", "score_threshold": "0.0",
        "precision": "float32"}
CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "holes", "defect"))
IMAGE = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)


@pytest.fixture
def predictor(tmp_path):
    def trained(**given: str) -> Predictor:
        resolved = hyperparameters.resolve(TINY | given)
        tf.random.set_seed(0)
        card = ModelCard("run-1", "v1", CLASSES, resolved.preset, resolved.as_strings(), 1)
        write_artifact(MaskRCNN(resolved.settings.model, len(CLASSES)), card, tmp_path)
        return Predictor.load(tmp_path)

    return trained


def test_instances_are_in_the_pixels_of_the_given_image(predictor):
    detections = predictor().predict(IMAGE)
    assert len(detections) == 5
    assert detections.masks.shape == (5, 50, 70)
    assert (detections.boxes <= [70, 50, 70, 50]).all()
    assert (np.diff(detections.scores) <= 0).all()


def test_asking_for_certain_instances_leaves_out_the_others_and_changes_none(predictor):
    model = predictor()
    everything = model.predict(IMAGE)
    limit = float(everything.scores[2])
    certain = model.predict(IMAGE, limit - 1e-6)
    assert len(certain) == 3
    for ours, theirs in zip(dataclasses.astuple(certain), dataclasses.astuple(everything), strict=True):
        np.testing.assert_allclose(ours, theirs[:3], atol=1e-5)


def test_answer_is_that_of_all_instances(predictor):
    model = predictor()
    settings = VerdictSettings(min_score=round(float(model.predict(IMAGE).scores[2]), 4))
    everything = all_instances(model.predict(IMAGE), model.card)
    expected = assemble(everything, IMAGE.shape, model, settings, "", 0.0)
    ours = answer(model, IMAGE, settings)
    assert [i.score for i in ours.instances] == [i.score for i in expected.instances]
    assert ours.verdict == expected.verdict


def test_without_masks_an_instance_is_its_box_and_the_answer_says_so(predictor):
    model = predictor(mode_mask="False")
    detections = model.predict(IMAGE)
    for box, mask in zip(detections.boxes, detections.masks, strict=True):
        inside = np.zeros((50, 70), bool)
        x1, y1, x2, y2 = np.ceil(box - 0.5).astype(int)  # pixels whose centres the box holds
        inside[y1:y2, x1:x2] = True
        np.testing.assert_array_equal(mask, inside)
    assert answer(model, IMAGE, VerdictSettings()).masks_are_boxes


def test_with_masks_the_answer_does_not_say_so(predictor):
    assert not answer(predictor(), IMAGE, VerdictSettings()).masks_are_boxes
