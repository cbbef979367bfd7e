"""Images of different sizes in one batch, each as if it were alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.extents import Extents
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective
from maskrcnn.training.examples import MASK_CROP, Example

SIZES = [(64, 64), (40, 101), (90, 33)]
SEED = tf.constant([1, 2], tf.int64)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 255, (height, width, 3)).astype(np.uint8)


def together() -> tuple[tf.Tensor, tf.Tensor]:
    batch = np.full((len(SIZES), 90, 101, 3), 99, np.uint8)
    for image, (height, width) in zip(batch, SIZES, strict=True):
        image[:height, :width] = picture(height, width)
    return tf.constant(batch), tf.constant(SIZES)


def alone(index: int) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(picture(*SIZES[index])[None]), tf.constant([SIZES[index]])


@pytest.fixture(params=["FreezeBN", "GN"])
def model(request, tiny) -> MaskRCNN:
    network = MaskRCNN(tiny(norm=request.param), 2)
    draw = np.random.default_rng(0)
    for name, variable in network.named_variables().items():
        if name.endswith("/W"):
            variable.assign(draw.normal(0, (2.0 / np.prod(variable.shape[:-1])) ** 0.5, variable.shape))
        elif not name.endswith("variance/EMA"):  # shifts make something of nothing where the padding is
            variable.assign(draw.uniform(0.1, 1.0, variable.shape))
    return network


def test_features_proposals_and_pooled_boxes_are_those_of_each_image_alone(model):
    images, sizes = together()
    extents = Extents.of(images, sizes)
    levels = model.pyramid(images, sizes, extents=extents)
    outputs, anchors = [model.rpn(extents.blank(level)) for level in levels], model.anchors(levels)
    repeated = [extents.repeat_edge(level) for level in levels[:4]]
    for index, size in enumerate(sizes):
        own = model.pyramid(*alone(index))
        for level, ours in zip(levels, own, strict=True):
            np.testing.assert_allclose(level[index, : ours.shape[1], : ours.shape[2]], ours[0], rtol=1e-3, atol=1e-4)
        expected = model.propose([model.rpn(level) for level in own], model.anchors(own), 0, size)
        found = model.propose(outputs, anchors, index, size, extents=extents)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-2)
        boxes = expected[0]
        pooled = model.rois.for_boxes(repeated, boxes, tf.fill([len(boxes)], index))
        np.testing.assert_allclose(pooled, model.rois.for_boxes(own, boxes, tf.zeros([len(boxes)], tf.int32)),
                                   rtol=1e-2, atol=1e-3)


def example(images: tf.Tensor, sizes: tf.Tensor) -> Example:
    count = len(images)
    boxes = tf.tile(tf.constant([[[2.0, 3.0, 30.0, 37.0]]]), [count, 1, 1])
    return Example(images, sizes, boxes, tf.ones([count, 1], tf.int32),
                   tf.fill([count, 1, MASK_CROP, MASK_CROP], tf.constant(255, tf.uint8)), tf.fill([count, 1], True),
                   tf.constant(["noise"] * count))


def test_focal_rpn_loss_and_its_gradient_are_the_mean_over_the_images(tiny):
    """Focal, so that no anchor is drawn at random, and with anchors that reach outside labelled."""
    config = tiny(norm="GN")
    rpn = dataclasses.replace(config.rpn, loss="focal", inside_only=False)
    tf.random.set_seed(0)
    network = MaskRCNN(dataclasses.replace(config, rpn=rpn), 2)
    kernel = network.backbone.stem.kernel

    def step(batch: Example) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = objective.compute(network, batch, SEED, mixed=True)["rpn_losses/label_loss"]
        return loss, tape.gradient(loss, kernel)

    single = [step(example(*alone(index))) for index in range(len(SIZES))]
    loss, gradient = step(example(*together()))
    np.testing.assert_allclose(loss, np.mean([one[0] for one in single]), rtol=1e-4)
    mean = np.mean([one[1] for one in single], 0)
    assert np.linalg.norm(gradient - mean) < 1e-3 * np.linalg.norm(mean)


def test_valid_counts_an_odd_last_pixel_of_p6():
    extents = Extents(tf.constant([[96, 31], [128, 160]]), tf.constant([160, 160]))
    assert extents.valid(tf.zeros([2, 5, 5, 1])).numpy().tolist() == [[3, 1], [4, 5]]
    assert extents.valid(tf.zeros([2, 3, 3, 1])).numpy().tolist() == [[2, 1], [2, 3]]


def test_blank_and_repeat_edge():
    x = tf.reshape(tf.range(1.0, 17.0), [1, 4, 4, 1])
    extents = Extents(tf.constant([[33, 64]]), tf.constant([128, 128]))
    assert extents.blank(x)[0, :, :, 0].numpy().tolist() == [[1, 2, 0, 0], [5, 6, 0, 0], [0] * 4, [0] * 4]
    assert extents.repeat_edge(x)[0, :, :, 0].numpy().tolist() == [[1, 2, 2, 2], *[[5, 6, 6, 6]] * 3]
    assert float(extents.share(x)[0, 0]) == 4.0


def test_uniform_are_images_with_the_padding_they_would_have_alone():
    images = tf.zeros([2, 120, 128, 3])
    assert Extents.of(images, tf.constant([[120, 128], [97, 101]])).uniform
    assert not Extents.of(images, tf.constant([[120, 128], [96, 128]])).uniform
