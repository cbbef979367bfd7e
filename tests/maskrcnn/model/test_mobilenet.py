"""MobileNetV2: its channels, its arithmetic on tiny arrays, what freezing takes out, and how it learns."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model import mobilenet
from maskrcnn.model.config import BackboneConfig
from maskrcnn.model.mobilenet import DepthwiseConv, InvertedResidual, MobileNetV2

CONFIG = BackboneConfig(kind="mobilenet_v2", mobilenet_width=0.25, norm="SyncBN")


@pytest.mark.parametrize(("base", "width", "expected"), [
    (32, 1.0, 32), (320, 0.5, 160), (24, 0.5, 16), (16, 0.35, 8), (96, 0.75, 72), (24, 0.35, 8), (32, 0.35, 16),
])
def test_channels_are_multiples_of_eight_and_not_too_few(base, width, expected):
    """Given 11.2 channels: 8 would be less than nine tenths, so 16."""
    assert mobilenet.channels(base, width) == expected


def depthwise(stride: int, padding: str = "aligned") -> DepthwiseConv:
    layer = DepthwiseConv("d", 2, stride, padding, "FreezeBN")
    kernel = np.zeros((3, 3, 2, 1), np.float32)
    kernel[:, :, 0] = 1.0  # sums its neighbourhood
    kernel[1, 1, 1] = 3.0  # takes the middle three times
    layer.kernel.assign(kernel)
    layer.norm.beta.assign([0.0, 0.5])
    return layer


def test_each_channel_is_convolved_by_itself():
    x = np.stack([np.ones((3, 3)), np.arange(9).reshape(3, 3)], -1)[None].astype(np.float32)
    y = depthwise(1)(x).numpy()[0]
    np.testing.assert_allclose(y[:, :, 0], [[4, 6, 4], [6, 9, 6], [4, 6, 4]], rtol=1e-4)
    np.testing.assert_allclose(y[:, :, 1], np.arange(9).reshape(3, 3) * 3 + 0.5, rtol=1e-4)


@pytest.mark.parametrize(("padding", "middles"), [("aligned", [[0, 2], [8, 10]]), ("same", [[5, 7], [13, 15]])])
def test_stride_begins_where_the_padding_says(padding, middles):
    x = np.stack([np.ones((4, 4)), np.arange(16).reshape(4, 4)], -1)[None].astype(np.float32)
    y = depthwise(2, padding)(x).numpy()[0]
    np.testing.assert_allclose((y[:, :, 1] - 0.5) / 3, middles, rtol=1e-4)


def test_normalisation_by_the_batch_in_training():
    layer = DepthwiseConv("d", 2, 1, "aligned", "SyncBN")
    x = tf.random.normal([2, 6, 6, 2], 3.0, 2.0, seed=1)
    y = layer(x, training=True)
    np.testing.assert_allclose(tf.reduce_mean(y, [0, 1, 2]), [0, 0], atol=1e-4)
    np.testing.assert_allclose(tf.math.reduce_std(y, [0, 1, 2]), [1, 1], atol=1e-3)
    assert not np.allclose(layer.norm.mean, 0.0)


def test_block_adds_its_input_where_the_shape_stays():
    """Given a last norm of zeros, the branch gives nothing: what comes out is the input."""
    block = InvertedResidual("b", 8, 8, 6, 1, CONFIG)
    block.project.norm.gamma.assign(tf.zeros([8]))
    x = tf.random.normal([1, 5, 5, 8], seed=2)
    np.testing.assert_allclose(block(x, training=False), x)
    assert not InvertedResidual("b", 8, 16, 6, 1, CONFIG).adds
    assert not InvertedResidual("b", 8, 8, 6, 2, CONFIG).adds


def test_activations_between_the_convolutions_end_at_six():
    block = InvertedResidual("b", 8, 4, 1, 1, CONFIG)
    block.depthwise.kernel.assign(tf.fill([3, 3, 8, 1], 100.0))
    block.project.kernel.assign(tf.ones([1, 1, 8, 4]))
    np.testing.assert_allclose(block(tf.ones([1, 3, 3, 8]), training=False), tf.fill([1, 3, 3, 4], 48.0), rtol=1e-4)


def test_features_have_strides_4_to_32_and_the_channels_that_it_says():
    backbone = MobileNetV2(CONFIG)
    features = backbone(tf.random.normal([1, 64, 96, 3], seed=3))
    assert [feature.shape[1:3] for feature in features] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert [feature.shape[3] for feature in features] == backbone.channels == [8, 8, 24, 80]
    blocks = {v.name.split("/")[1] for v in backbone.variables if v.name.startswith("group2/")}
    assert blocks == {f"block{number}" for number in range(7)}


@pytest.mark.parametrize(("freeze_at", "still"), [(0, ()), (1, ("conv0/",)), (2, ("conv0/", "group0/"))])
def test_frozen_groups_are_told_and_keep_their_statistics(freeze_at, still):
    backbone = MobileNetV2(BackboneConfig(kind="mobilenet_v2", mobilenet_width=0.25, norm="SyncBN",
                                          freeze_at=freeze_at))
    before = {variable.name: variable.numpy() for variable in backbone.variables}
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(f**2) for f in backbone(tf.random.normal([2, 64, 64, 3], seed=4),
                                                               training=True)])
    variables = backbone.trainable_variables
    moved = {v.name for v, g in zip(variables, tape.gradient(loss, variables), strict=True) if g is not None}
    frozen = {variable.name for variable in backbone.frozen()}
    assert frozen == {v.name for v in variables if v.name.startswith(still)}
    assert moved >= {v.name for v in variables} - frozen
    changed = {v.name for v in backbone.variables if not np.array_equal(before[v.name], v)}
    assert changed
    assert not [name for name in changed if name.startswith(still)]


def test_bfloat16_computes_in_bfloat16():
    backbone = MobileNetV2(CONFIG)
    with tf.GradientTape() as tape:
        features = backbone(tf.cast(tf.random.normal([1, 64, 64, 3], seed=5), tf.bfloat16), training=True)
        loss = tf.add_n([tf.reduce_sum(tf.cast(f, tf.float32)) for f in features])
    assert {feature.dtype for feature in features} == {tf.bfloat16}
    gradients = tape.gradient(loss, backbone.trainable_variables)
    assert {gradient.dtype for gradient in gradients} == {tf.float32}
