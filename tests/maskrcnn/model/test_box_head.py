"""Box heads and stages against their definitions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.box_head import BoxHead, FourConvolutions, Mean
from maskrcnn.model.box_stages import BoxStage
from maskrcnn.model.config import BoxHeadConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model.rpn import RpnLevel
from maskrcnn.ops import boxes as box_ops


def pooled(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("norm", ["None", "GN"])
def test_four_convolutions_rectify_before_they_normalise(norm):
    head = FourConvolutions("f", 4, BoxHeadConfig(head="4conv1fc", norm=norm, conv_channels=8, channels=6, pool_size=3))
    x = pooled(2, 3, 3, 4)
    expected = x
    for index, convolution in enumerate(head.convolutions):
        expected = tf.nn.relu(tf.nn.conv2d(expected, convolution.kernel, 1, "SAME") + convolution.bias)
        if norm == "GN":  # 8 channels in 8 groups: each channel on its own
            mean, variance = tf.nn.moments(expected, [1, 2], keepdims=True)
            gamma, beta = head.norms[index].gamma, head.norms[index].beta
            expected = tf.nn.batch_normalization(expected, mean, variance, beta, gamma, 1e-5)
    expected = tf.nn.relu(tf.reshape(expected, [2, 72]) @ head.fc.kernel + head.fc.bias)
    np.testing.assert_allclose(head(x), expected, rtol=1e-3, atol=1e-4)


def test_heads_answer_nothing_for_no_boxes():
    config = BoxHeadConfig(head="4conv1fc", conv_channels=8, channels=6, pool_size=3)
    logits, deltas = BoxHead("o", FourConvolutions("f", 4, config), 2)(tf.zeros([0, 3, 3, 4]))
    assert (logits.shape, deltas.shape) == ((0, 3), (0, 3, 4))


def test_mean_averages_over_the_box():
    x = tf.reshape(tf.range(8.0), [1, 2, 2, 2])
    assert Mean(2)(x).numpy().tolist() == [[3.0, 4.0]]


def test_a_class_agnostic_head_has_one_box():
    head = BoxHead("o", Mean(4), 3, class_agnostic=True)
    logits, deltas = head(pooled(5, 2, 2, 4))
    assert (logits.shape, deltas.shape) == ((5, 4), (5, 1, 4))


def test_refine_scales_by_the_weights_and_clips_each_box_to_its_image():
    stage = BoxStage(BoxHead("o", Mean(4), 1), (10.0, 10.0, 5.0, 5.0), 0.5, 1333 / 16)
    boxes = tf.constant([[[0.0, 0.0, 10.0, 20.0]], [[0.0, 0.0, 10.0, 20.0]]])
    deltas = tf.constant([[[10.0, 0.0, 0.0, 0.0]], [[10.0, 0.0, 0.0, 0.0]]])  # one width to the right
    sizes = tf.constant([[[100, 100]], [[15, 12]]])
    assert stage.refine(boxes, deltas, sizes)[:, 0].numpy().tolist() == [[10, 0, 20, 20], [10, 0, 12, 15]]


def test_clip_with_one_size_for_all():
    boxes = tf.constant([[-1.0, -2.0, 30.0, 5.0], [3.0, 4.0, 5.0, 60.0]])
    assert box_ops.clip(boxes, tf.constant([10, 20])).numpy().tolist() == [[0, 0, 20, 5], [3, 4, 5, 10]]


class Fixed(tf.Module):
    """A box head with given answers."""

    def __init__(self, logits: list[list[float]], deltas: list[list[list[float]]]) -> None:
        super().__init__()
        self.answers = tf.constant(logits), tf.constant(deltas)

    def __call__(self, pooled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.answers


def test_a_cascade_passes_boxes_on_and_averages_scores(tiny):
    config = tiny()
    model = MaskRCNN(dataclasses.replace(config, box=dataclasses.replace(config.box, cascade=True)), 2)
    moves = [[[1.0, 0.0, 0.0, 0.0]]], [[[0.0, 2.0, 0.0, 0.0]]], [[[3.0, 0.0, 0.0, 0.0]]]
    rows = [[0.0, 0.0, 0.0]], [[0.0, 50.0, 0.0]], [[0.0, 0.0, 50.0]]
    for stage, logits, deltas in zip(model.box_stages, rows, moves, strict=True):
        stage.head = Fixed(logits, deltas)
    levels = [tf.zeros([1, 32 // 2**i, 32 // 2**i, 8]) for i in range(5)]
    boxes, scores = model.classify(levels, tf.constant([[8.0, 8.0, 28.0, 28.0]]), tf.constant([128, 128]))
    # A box of side 20 moves by 1/10, then 2/20, then 3/30 of it: right, down, right.
    np.testing.assert_allclose(boxes, [[[12.0, 10.0, 32.0, 30.0]] * 2], rtol=1e-5)
    np.testing.assert_allclose(scores, [[(1 / 3 + 1) / 3] * 2], rtol=1e-5)


def test_joint_proposals_drop_a_box_that_another_level_has(tiny):
    config = tiny()
    level = dataclasses.replace(config, rpn=dataclasses.replace(config.rpn, joint_candidates=4, joint_proposals=4))
    joint = dataclasses.replace(level, proposal_mode="Joint")
    outputs = [RpnLevel(tf.constant([[2.0, 1.0]]), tf.zeros([1, 2, 4])),
               RpnLevel(tf.constant([[3.0]]), tf.zeros([1, 1, 4]))]
    anchors = [tf.constant([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]), tf.constant([[0.0, 0.0, 10.0, 11.0]])]
    size = tf.constant([64, 64])
    assert MaskRCNN(level, 1).propose(outputs, anchors, 0, size)[1].numpy().tolist() == [3, 2, 1]
    assert MaskRCNN(joint, 1).propose(outputs, anchors, 0, size)[1].numpy().tolist() == [3, 1]
