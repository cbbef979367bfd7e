"""The network against tensorpack's, on fixtures that tensorpack made; they lie beside the checkout."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import BackboneConfig, InputConfig, ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.ops import images as image_ops


def error(ours, theirs) -> float:
    return float(np.linalg.norm(np.asarray(ours) - theirs) / np.linalg.norm(theirs))


def normalized(model, image, size):
    pixels = model.config.input
    return image_ops.normalize(image, size, tf.float32, mean=pixels.pixel_mean, deviation=pixels.pixel_std, multiple=32)


@pytest.fixture(scope="module")
def expected(tensorpack_arrays):
    return tensorpack_arrays("infer_sq128.npz")


@pytest.fixture(scope="module")
def model(expected, tensorpack_model) -> MaskRCNN:
    return tensorpack_model(ModelConfig(input=InputConfig(max_size_px=256), backbone=BackboneConfig(norm="FreezeBN")))


@pytest.fixture(scope="module")
def size():
    return tf.constant([[128, 128]])


@pytest.fixture(scope="module")
def image(expected):
    return tf.constant(expected["image_bgr"][None, :, :, ::-1])


def test_features(model, expected, image, size):
    features = model.backbone(normalized(model, image, size))
    for level, feature in enumerate(features, start=2):
        ours = np.transpose(feature, [0, 3, 1, 2])[:, ::16]
        assert error(ours, expected[f"c{level}_every16th"]) < 1e-4
    for level, feature in enumerate(model.fpn(features), start=2):
        ours = np.transpose(feature, [0, 3, 1, 2])[:, ::8]
        assert error(ours, expected[f"p{level}_every8th"]) < 1e-4


@pytest.fixture(scope="module")
def levels(model, image, size):
    return model.pyramid(image, size)


def channels_last(array) -> np.ndarray:
    return np.transpose(array, [0, 2, 3, 1])


def test_preprocessed_image(model, expected, image, size):
    assert error(normalized(model, image, size), expected["pre"][..., ::-1]) < 1e-6


def test_rpn_logits(model, expected, levels):
    for level, output in enumerate([model.rpn(level) for level in levels], start=2):
        assert error(output.logits[0], expected[f"rpn_label_logits_lvl{level}"].reshape(-1)) < 1e-4
        assert error(output.deltas[0], expected[f"rpn_box_logits_lvl{level}"].reshape(-1, 4)) < 1e-4


def test_proposals(model, expected, levels, size):
    boxes, scores = model.propose([model.rpn(level) for level in levels], model.anchors(levels), 0, size[0])
    order = np.argsort(-expected["proposal_scores"], kind="stable")  # tensorpack leaves them unsorted
    assert error(scores, expected["proposal_scores"][order]) < 1e-4
    theirs = expected["proposal_boxes"]
    distance = np.abs(boxes[:, None] - theirs[None]).max(2)  # near ties change places, so each looks for its like
    assert distance.min(1).max() < 0.005
    assert distance.min(0).max() < 0.005
    assert error(theirs[distance.argmin(1)], boxes) < 1e-4


def test_roi_features(model, expected, levels):
    boxes = tf.constant(expected["proposal_boxes"][:16])
    pooled = model.rois.for_boxes(levels, boxes, tf.zeros([16], tf.int32))
    assert error(pooled[..., ::4], channels_last(expected["roi_feature_box_first16"])) < 1e-4
    boxes = tf.constant(expected["boxes"][:8])
    pooled = model.rois.for_masks(levels, boxes, tf.zeros([8], tf.int32))
    assert error(pooled[..., ::4], channels_last(expected["roi_feature_mask_first8"])) < 1e-4


def test_box_head_and_refined_boxes(model, expected, levels, size):
    proposals = tf.constant(expected["proposal_boxes"])
    pooled = model.rois.for_boxes(levels, proposals, tf.zeros([len(proposals)], tf.int32))
    logits, deltas = model.box_stages[0].head(pooled)
    assert error(logits, expected["frcnn_label_logits"]) < 1e-4
    assert error(deltas, expected["frcnn_box_logits"]) < 1e-4
    boxes, _ = model.classify(levels, proposals, size[0])
    assert error(boxes, expected["all_boxes"][:, 1:]) < 1e-4


def test_detections(model, expected, image):
    raw = model.detect(image[0])
    order = np.argsort(-expected["scores"], kind="stable")
    np.testing.assert_array_equal(raw.class_ids, expected["labels"][order])
    assert error(raw.scores, expected["scores"][order]) < 1e-4
    assert error(raw.boxes, expected["boxes"][order]) < 1e-4
    assert error(raw.masks, expected["masks"][order]) < 1e-4
