"""Keras ResNets compute the same features in our network."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.backbone import ResNet
from maskrcnn.model.config import ModelConfig
from maskrcnn.ops import images as image_ops
from maskrcnn.weights import keras_resnet, start
from maskrcnn.weights.formats import open_source
from maskrcnn.weights.keras_resnet import Pixels

STAGE_ENDS = ["conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]


def randomise(model):
    """Statistics that matter: biases, means, and variances small enough for epsilon to be seen."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            layer.set_weights([rng.uniform(0.3, 0.6, count), rng.normal(0, 0.1, count), rng.normal(0, 0.1, count),
                               rng.uniform(0.5, 1.5, count)])
        elif layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.2, bias.shape)])


@pytest.fixture(scope="module")
def theirs():
    model = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(None, None, 3))
    randomise(model)
    return model


@pytest.fixture(scope="module")
def source(theirs, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "resnet50.weights.h5"
    theirs.save_weights(path)
    return open_source(path)


def backbone_with(source, config):
    backbone = ResNet(config.backbone)
    arrays = source.convert(config)
    for variable in backbone.variables:
        variable.assign(arrays.pop(variable.name.removesuffix(":0")))
    assert not arrays
    return backbone


@pytest.mark.parametrize("shape", [(64, 96), (50, 71)])
def test_features_are_those_of_keras_applications(theirs, source, shape):
    """Given random weights and an image of any size, padded as we pad, then c2 to c5 agree to 1e-4."""
    frozen = dataclasses.replace(ModelConfig().backbone, norm="FreezeBN")
    begin = [start.Start("backbone_weights", source)]
    config = start.adapted(dataclasses.replace(ModelConfig(), backbone=frozen), begin)
    image = tf.constant(np.random.default_rng(1).integers(0, 256, (1, *shape, 3)), tf.uint8)
    pixels = config.input
    normalized = image_ops.normalize(image, tf.constant([shape]), tf.float32, mean=pixels.pixel_mean,
                                     deviation=pixels.pixel_std, multiple=32)
    ours = backbone_with(source, config)(normalized)

    prepared = keras.applications.resnet.preprocess_input(np.array(image, np.float32))
    padded = np.pad(prepared, [(0, 0), (0, -shape[0] % 32), (0, -shape[1] % 32), (0, 0)])
    taps = keras.Model(theirs.input, [theirs.get_layer(name).output for name in STAGE_ENDS])
    for expected, feature in zip(taps(padded), ours, strict=True):
        assert feature.shape == expected.shape
        assert np.linalg.norm(expected) > 1.0
        assert np.linalg.norm(feature - expected) / np.linalg.norm(expected) < 1e-4


def test_classifier_on_top_is_passed_over(tmp_path):
    """Given the file with its top, then the same backbone comes out and `predictions` goes nowhere."""
    model = keras.applications.ResNet101(weights=None, include_top=True, classes=7)
    model.save(tmp_path / "resnet101.keras")
    arrays = open_source(tmp_path / "resnet101.keras").convert(ModelConfig())
    blocks = dataclasses.replace(ModelConfig().backbone, blocks=(3, 4, 23, 3), norm="FreezeBN")
    assert set(arrays) == {variable.name.removesuffix(":0") for variable in ResNet(blocks).variables}


def test_stem_takes_in_the_scale_the_order_and_the_centre_of_the_pixels():
    """Given a stem that reads blue, green, red centred at 100, ours reads red, green, blue at 90 over 2, 4 and 8."""
    kernel = np.array([1.0, 10.0, 100.0]).reshape(1, 1, 3, 1)
    ours, offset = keras_resnet.stem(kernel, Pixels((100.0,) * 3, bgr=True), Pixels((90.0,) * 3, (2.0, 4.0, 8.0)))
    assert ours.ravel().tolist() == [200.0, 40.0, 8.0]
    assert offset.tolist() == [-1110.0]
    red, green, blue = 120.0, 50.0, 10.0
    theirs = (blue - 100) * 1 + (green - 100) * 10 + (red - 100) * 100
    same = (red - 90) / 2 * 200 + (green - 90) / 4 * 40 + (blue - 90) / 8 * 8 + offset[0]
    assert theirs == same


@pytest.mark.parametrize(("layer", "scope"), [
    ("conv1_conv", "conv0/W"), ("conv1", "conv0/W"),
    ("conv2_block1_0_conv", "group0/block0/convshortcut/W"), ("conv5_block3_2_conv", "group3/block2/conv2/W"),
    ("res4a_branch1", "group2/block0/convshortcut/W"), ("res4w_branch2c", "group2/block22/conv3/W"),
])
def test_layers_have_their_place(layer, scope):
    arrays = {f"{layer}/kernel": np.ones((1, 1, 3, 2), np.float32), "predictions/kernel": np.ones((2, 2))}
    assert list(keras_resnet.to_ours(arrays, Pixels((0.0,) * 3), Pixels((0.0,) * 3), 1e-3)) == [scope]


def test_bias_goes_into_the_mean_and_epsilon_into_the_variance():
    arrays = {"res2a_branch2b/kernel": np.ones((1, 1, 1, 1)), "res2a_branch2b/bias": np.array([3.0]),
              "bn2a_branch2b/gamma": np.array([2.0]), "bn2a_branch2b/beta": np.array([0.5]),
              "bn2a_branch2b/moving_mean": np.array([7.0]), "bn2a_branch2b/moving_variance": np.array([0.25])}
    ours = keras_resnet.to_ours(arrays, Pixels((0.0,) * 3), Pixels((0.0,) * 3), 1e-3)
    scope = "group0/block0/conv2/bn"
    assert ours[f"{scope}/mean/EMA"] == [4.0]
    np.testing.assert_allclose(ours[f"{scope}/variance/EMA"], [0.25099], rtol=1e-6)
    assert ours[f"{scope}/gamma"] == [2.0]
    assert ours[f"{scope}/beta"] == [0.5]


def test_only_what_the_weights_need_is_changed(source):
    config = start.adapted(ModelConfig(), [start.Start("backbone_weights", source)])
    assert config.backbone == dataclasses.replace(ModelConfig().backbone, stride_in_1x1=True, padding="symmetric",
                                                  norm="FreezeBN")
