"""Operations of known shapes give what the others give, or the mark for nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.export import static_ops
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import proposals, roi_align

RNG = np.random.default_rng(7)


def boxes_in(count, height, width):
    corners = RNG.uniform(0, 1, (count, 2, 2)) * [width, height]
    return np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)


def with_area(boxes, *others):
    real = box_ops.area(boxes) > 0
    return [tf.boolean_mask(part, real) for part in (boxes, *others)]


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_suppression_in_litert_gets_past_boxes_without_area():
    """Given the best box without height, which LiteRT alone would choose again and again."""
    boxes = np.array([[3, 0, 9, 0], [0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]], np.float32)
    module = tf.Module()
    module.suppress = tf.function(
        lambda boxes, scores: dict(zip("bs", static_ops.non_max_suppression(boxes, scores, 4, 0.5, 0.05), strict=True)),
        input_signature=[tf.TensorSpec([4, 4], name="boxes"), tf.TensorSpec([4], name="scores")], autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.suppress.get_concrete_function()], module)
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    answer = runner(boxes=boxes, scores=np.array([0.9, 0.8, 0.7, 0.6], np.float32))
    np.testing.assert_allclose(answer["s"], [0.8, 0.6, static_ops.NONE, static_ops.NONE])
    np.testing.assert_array_equal(answer["b"][:2], boxes[[1, 3]])


def test_suppression_marks_what_is_not_kept():
    boxes = tf.constant([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [0, 0, 5, 5]], tf.float32)
    kept, scores = static_ops.non_max_suppression(boxes, tf.constant([0.5, 0.9, 0.8, 0.01]), 4, 0.5, 0.05)
    np.testing.assert_allclose(scores, [0.9, 0.8, static_ops.NONE, static_ops.NONE])
    np.testing.assert_array_equal(kept[:2], [[0, 0, 10, 9], [20, 20, 30, 30]])


@pytest.mark.parametrize("min_size_px", [0.0, 20.0])
def test_level_gives_the_same_proposals(min_size_px):
    anchors = tf.constant(boxes_in(200, 90, 120))
    logits = tf.constant(RNG.normal(size=200), tf.float32)
    deltas = tf.constant(RNG.normal(0, 0.3, (200, 4)), tf.float32)
    options = {"candidates": 100, "keep": 100, "nms_iou": 0.5, "min_size_px": min_size_px, "growth_limit": 10.0}
    expected, scores = with_area(*proposals.select_level(logits, deltas, anchors, tf.constant([90, 120]), **options))
    boxes, marked = static_ops.select_level(logits, deltas, anchors, tf.constant([90, 120]), **options)
    count = len(scores)
    assert 5 < count < 100
    assert boxes.shape == (100, 4)
    np.testing.assert_allclose(boxes[:count], expected)
    np.testing.assert_allclose(marked[:count], scores)
    assert (marked[count:].numpy() == static_ops.NONE).all()


@pytest.mark.parametrize(("size", "samples"), [(7, 2), (14, 1)])
def test_roi_align_reads_the_same_features_on_every_level(size, samples):
    levels = [tf.constant(RNG.normal(size=(1, 1024 // s, 768 // s, 3)), tf.float32) for s in (4, 8, 16, 32)]
    sides = np.array([10, 100, 130, 250, 300, 500, 760])
    boxes = np.stack([np.zeros(7), np.arange(7) * 3.3, sides, sides + np.arange(7) * 3.3], 1).astype(np.float32)
    boxes = np.concatenate([boxes, boxes_in(20, 1024, 768), [[700, 900, 768, 1024], [5, 5, 5, 5]]], 0)
    boxes = tf.constant(boxes, tf.float32)
    assert set(roi_align.level_of(boxes).numpy()) == {2, 3, 4, 5}
    images = tf.zeros([len(boxes)], tf.int32)
    expected = roi_align.pyramid_roi_align(levels, (4, 8, 16, 32), boxes, images, size, samples)
    ours = static_ops.pyramid_roi_align(levels, (4, 8, 16, 32), boxes, size, samples)
    np.testing.assert_allclose(ours, expected, atol=2e-3)  # crop_and_resize rounds places near pixel 200 to 1e-4


def test_detections_are_the_same_then_zeros():
    boxes = tf.constant(np.stack([boxes_in(30, 50, 50) for _ in range(3)], 1))
    probabilities = tf.constant(RNG.uniform(0, 0.4, (30, 3)), tf.float32)
    options = {"score_threshold": 0.3, "nms_iou": 0.3, "keep": 25}
    expected = proposals.detect(boxes, probabilities, **options)
    ours = static_ops.detect(boxes, probabilities, **options)
    count = len(expected[1])
    assert 3 < count < 25
    for one, two in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one[:count], two)
        assert not one[count:].numpy().any()
