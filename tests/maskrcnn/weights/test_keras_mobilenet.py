"""A MobileNetV2 of keras.applications computes the same features in our network."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import ModelConfig
from maskrcnn.model.mobilenet import MobileNetV2
from maskrcnn.ops import images as image_ops
from maskrcnn.weights import start
from maskrcnn.weights.formats import open_source

STAGE_ENDS = ["block_2_add", "block_5_add", "block_12_add", "block_16_project_BN"]


@pytest.fixture(scope="module")
def theirs():
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 96, 3), alpha=0.35)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            layer.set_weights([rng.uniform(0.8, 1.6, count), rng.normal(0, 0.3, count), rng.normal(0, 0.1, count),
                               rng.uniform(0.05, 0.3, count)])
    return model


@pytest.fixture(scope="module")
def source(theirs, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "mobilenet_v2.weights.h5"
    theirs.save_weights(path)
    return open_source(path)


def test_features_are_those_of_keras_applications(theirs, source):
    """Given random weights at the smallest width, then c2 to c5 agree to 1e-4."""
    assert source.format.name == "keras.applications MobileNetV2"
    wanted = dataclasses.replace(ModelConfig().backbone, kind="mobilenet_v2", mobilenet_width=0.35, norm="FreezeBN")
    config = start.adapted(dataclasses.replace(ModelConfig(), backbone=wanted),
                           [start.Start("backbone_weights", source)])
    assert (config.backbone.padding, config.input.pixel_mean) == ("same", (127.5, 127.5, 127.5))
    backbone = MobileNetV2(config.backbone)
    arrays = source.convert(config)
    for variable in backbone.variables:
        variable.assign(arrays.pop(variable.name.removesuffix(":0")))
    assert not arrays

    image = np.random.default_rng(1).integers(0, 256, (1, 64, 96, 3)).astype(np.uint8)
    ours = backbone(image_ops.normalize(tf.constant(image), tf.constant([[64, 96]]), tf.float32,
                                        mean=config.input.pixel_mean, deviation=config.input.pixel_std, multiple=32))
    taps = keras.Model(theirs.input, [theirs.get_layer(name).output for name in STAGE_ENDS])
    for expected, feature in zip(taps(image / 127.5 - 1.0), ours, strict=True):
        assert feature.shape == expected.shape
        assert np.linalg.norm(expected) > 1.0
        assert np.linalg.norm(feature - expected) / np.linalg.norm(expected) < 1e-4
