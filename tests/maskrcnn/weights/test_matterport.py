"""Matterport's layers against ours on the same features: Keras computes what that network computes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.box_head import BoxHead, head_layers
from maskrcnn.model.config import BoxHeadConfig, MaskHeadConfig, RpnConfig
from maskrcnn.model.mask_head import MaskHead
from maskrcnn.model.rpn import RpnHead
from maskrcnn.weights import matterport
from maskrcnn.weights.keras_resnet import Pixels

RNG = np.random.default_rng(5)
CLASSES = 2
PIXELS = Pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def randomised(*layers):
    """Random weights everywhere; batch norms with statistics that matter."""
    for layer in layers:
        weights = [RNG.normal(0, 0.3, w.shape) for w in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            weights[0], weights[3] = weights[0] + 1.0, np.abs(weights[3]) + 0.002  # epsilon, .001, must be seen
        layer.set_weights(weights)


def arrays_of(*layers):
    return {f"{layer.name}/{variable.name.split('/')[-1]}": variable.numpy()
            for layer in layers for variable in layer.weights}


def assigned(module, arrays):
    for variable in module.variables:
        variable.assign(arrays[variable.name.removesuffix(":0")])


@pytest.fixture
def no_backbone(monkeypatch):
    monkeypatch.setattr(matterport.keras_resnet, "to_ours", lambda *_: {})


def test_objectness_is_the_difference_and_anchors_turn_around():
    """Given background and object of ratio .5 and of ratio 2 (width over height): ours counts height over width."""
    kernel, bias = matterport.objectness((np.array([[1.0, 5.0, 2.0, 9.0]]), np.array([0.5, 0.0, 0.0, 0.25])))
    assert kernel.tolist() == [[7.0, 4.0]]
    assert bias.tolist() == [0.25, -0.5]


def test_deltas_come_as_x_y_width_height_in_plain_units():
    scale = np.array([0.1, 0.2, 0.5, 1.0])  # of y, x, height, width
    kernel, bias = matterport.deltas((np.array([[10.0, 20.0, 30.0, 40.0, 1.0, 2.0, 3.0, 4.0]]), np.zeros(8)), scale,
                                     backwards=True)
    np.testing.assert_allclose(kernel, [[0.4, 0.1, 4.0, 1.5, 4.0, 1.0, 40.0, 15.0]])
    assert bias.shape == (8,)


@pytest.mark.usefixtures("no_backbone")
def test_rpn_finds_the_same_objects(tmp_path):
    shared = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="rpn_conv_shared")
    raw = keras.layers.Conv2D(2 * 3, 1, name="rpn_class_raw")
    boxes = keras.layers.Conv2D(4 * 3, 1, name="rpn_bbox_pred")
    features = tf.constant(RNG.normal(size=(1, 4, 5, 8)), tf.float32)
    hidden = shared(features)
    raw(hidden), boxes(hidden)
    randomised(shared, raw, boxes)
    hidden = shared(features)
    probability = tf.nn.softmax(tf.reshape(raw(hidden), [20, 3, 2]))[..., 1].numpy()
    y, x, h, w = np.moveaxis(boxes(hidden).numpy().reshape(20, 3, 4), -1, 0)

    rpn = RpnHead(8, 6, 3, RpnConfig())
    assigned(rpn, matterport.to_ours(arrays_of(shared, raw, boxes), PIXELS, (10.0, 10.0, 5.0, 5.0)))
    level = rpn(features)
    np.testing.assert_allclose(tf.sigmoid(level.logits).numpy().reshape(20, 3)[:, ::-1], probability, atol=1e-5)
    expected = np.stack([x * 0.1, y * 0.1, w * 0.2, h * 0.2], -1)
    np.testing.assert_allclose(level.deltas.numpy().reshape(20, 3, 4)[:, ::-1], expected, atol=1e-5)


@pytest.mark.usefixtures("no_backbone")
@pytest.mark.parametrize("weights", [(10.0, 10.0, 5.0, 5.0), (20.0, 20.0, 10.0, 10.0)])
def test_box_head_classifies_and_refines_alike(weights):
    conv1 = keras.layers.Conv2D(12, 3, name="mrcnn_class_conv1")
    bn1 = keras.layers.BatchNormalization(name="mrcnn_class_bn1")
    conv2 = keras.layers.Conv2D(12, 1, name="mrcnn_class_conv2")
    bn2 = keras.layers.BatchNormalization(name="mrcnn_class_bn2")
    logits = keras.layers.Dense(CLASSES + 1, name="mrcnn_class_logits")
    boxes = keras.layers.Dense(4 * (CLASSES + 1), name="mrcnn_bbox_fc")
    layers = (conv1, bn1, conv2, bn2, logits, boxes)
    pooled = tf.constant(RNG.normal(size=(5, 3, 3, 4)), tf.float32)

    def head():
        hidden = tf.nn.relu(bn2(conv2(tf.nn.relu(bn1(conv1(pooled), training=False))), training=False))
        flat = tf.reshape(hidden, [5, 12])
        return logits(flat).numpy(), boxes(flat).numpy().reshape(5, CLASSES + 1, 4)

    head()
    randomised(*layers)
    class_logits, (y, x, h, w) = head()[0], np.moveaxis(head()[1], -1, 0)
    layers_of_ours = head_layers("fastrcnn", 4, BoxHeadConfig(pool_size=3, channels=12))
    ours = BoxHead("fastrcnn/outputs", layers_of_ours, CLASSES)
    assigned(ours, matterport.to_ours(arrays_of(*layers), PIXELS, weights))
    our_logits, deltas = ours(pooled)
    np.testing.assert_allclose(our_logits, class_logits, rtol=1e-4, atol=1e-4)
    expected = np.stack([x * 0.1, y * 0.1, w * 0.2, h * 0.2], -1)
    np.testing.assert_allclose(deltas.numpy() / weights, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("no_backbone")
def test_mask_head_draws_the_same_masks():
    convs = [keras.layers.Conv2D(6, 3, padding="same", name=f"mrcnn_mask_conv{i}") for i in range(1, 5)]
    norms = [keras.layers.BatchNormalization(name=f"mrcnn_mask_bn{i}") for i in range(1, 5)]
    deconv = keras.layers.Conv2DTranspose(6, 2, strides=2, activation="relu", name="mrcnn_mask_deconv")
    last = keras.layers.Conv2D(CLASSES + 1, 1, activation="sigmoid", name="mrcnn_mask")
    pooled = tf.constant(RNG.normal(size=(3, 4, 4, 5)), tf.float32)

    def head():
        x = pooled
        for conv, norm in zip(convs, norms, strict=True):
            x = tf.nn.relu(norm(conv(x), training=False))
        return last(deconv(x)).numpy()

    head()
    randomised(*convs, *norms, deconv, last)
    ours = MaskHead(5, CLASSES, MaskHeadConfig(pool_size=4, channels=6))
    assigned(ours, matterport.to_ours(arrays_of(*convs, *norms, deconv, last), PIXELS, (10.0, 10.0, 5.0, 5.0)))
    class_ids = [2, 1, 2]
    masks = tf.sigmoid(ours(pooled, tf.constant(class_ids)))
    expected = head()[np.arange(3), :, :, class_ids]
    np.testing.assert_allclose(masks, expected, atol=1e-5)


def test_pyramid_layers_keep_their_levels():
    arrays = {f"fpn_c{i}p{i}/{kind}": np.full(1, i) for i in range(2, 6) for kind in ("kernel", "bias")}
    arrays |= {f"fpn_p{i}/{kind}": np.full(1, 10 + i) for i in range(2, 6) for kind in ("kernel", "bias")}
    ours = matterport.to_ours(arrays, PIXELS, (10.0, 10.0, 5.0, 5.0))
    assert {name: int(value[0]) for name, value in ours.items() if name.endswith("/W")} == {
        **{f"fpn/lateral_1x1_c{i}/W": i for i in range(2, 6)},
        **{f"fpn/posthoc_3x3_p{i}/W": 10 + i for i in range(2, 6)}}
