"""The network against tensorpack's, on fixtures that tensorpack made; they lie beside the checkout."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import BackboneConfig, InputConfig, ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.ops import images as image_ops

FIXTURES = Path(__file__).parents[4] / "shared/reference/tensorpack_parity"
pytestmark = pytest.mark.skipif(not FIXTURES.exists(), reason=f"needs the tensorpack fixtures in {FIXTURES}")


def error(ours, theirs) -> float:
    return float(np.linalg.norm(np.asarray(ours) - theirs) / np.linalg.norm(theirs))


@pytest.fixture(scope="module")
def expected():
    with np.load(FIXTURES / "infer_sq128.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def model() -> MaskRCNN:
    """R50-FPN with the weights behind the fixtures: tensorpack's stem takes BGR, its fc6 rows run C, H, W."""
    weight = runpy.run_path(str(FIXTURES / "weights.py"))["weight"]
    config = ModelConfig(input=InputConfig(max_size_px=256), backbone=BackboneConfig(norm="FreezeBN"))
    network = MaskRCNN(config, class_count=2)
    for name, variable in network.named_variables().items():
        value = weight(name, tuple(variable.shape))
        if name == "conv0/W":
            value = value[:, :, ::-1]
        if name == "fastrcnn/fc6/W":
            value = value.reshape(256, 7, 7, -1).transpose(1, 2, 0, 3).reshape(value.shape)
        variable.assign(value)
    return network


@pytest.fixture(scope="module")
def size():
    return tf.constant([[128, 128]])


@pytest.fixture(scope="module")
def image(expected):
    return tf.constant(expected["image_bgr"][None, :, :, ::-1])


def test_features(model, expected, image, size):
    features = model.backbone(image_ops.normalize(image, size, tf.float32))
    for level, feature in enumerate(features, start=2):
        ours = np.transpose(feature, [0, 3, 1, 2])[:, ::16]
        assert error(ours, expected[f"c{level}_every16th"]) < 1e-4
    for level, feature in enumerate(model.fpn(features), start=2):
        ours = np.transpose(feature, [0, 3, 1, 2])[:, ::8]
        assert error(ours, expected[f"p{level}_every8th"]) < 1e-4


def test_rpn_logits_and_proposals(model, expected, image, size):
    levels = model.pyramid(image, size)
    outputs = [model.rpn(level) for level in levels]
    for level, output in enumerate(outputs, start=2):
        assert error(output.logits[0], expected[f"rpn_label_logits_lvl{level}"].reshape(-1)) < 1e-4
        assert error(output.deltas[0], expected[f"rpn_box_logits_lvl{level}"].reshape(-1, 4)) < 1e-4
    boxes, scores = model.propose(outputs, model.anchors(levels), 0, size[0])
    order = np.argsort(-expected["proposal_scores"], kind="stable")  # tensorpack leaves them unsorted
    assert error(scores, expected["proposal_scores"][order]) < 1e-4
    distance = np.abs(boxes[:, None] - expected["proposal_boxes"][None]).max(2).min(1)  # near ties change places
    assert distance.max() < 0.01


def test_detections(model, expected, image):
    raw = model.detect(image[0])
    order = np.argsort(-expected["scores"], kind="stable")
    np.testing.assert_array_equal(raw.class_ids, expected["labels"][order])
    assert error(raw.scores, expected["scores"][order]) < 1e-4
    assert error(raw.boxes, expected["boxes"][order]) < 1e-3
    assert error(raw.masks, expected["masks"][order]) < 1e-3
