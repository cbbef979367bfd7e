"""The network as a whole: names, shapes, freezing, weights."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.fpn import upsample
from maskrcnn.model.mask_head import MaskHead
from maskrcnn.model.mask_rcnn import MaskRCNN


@pytest.fixture
def model(tiny) -> MaskRCNN:
    tf.random.set_seed(0)
    return MaskRCNN(tiny(), class_count=3)


@pytest.mark.parametrize("shape", [(64, 64), (50, 97), (33, 64)])
def test_detects_in_images_of_any_shape(model, shape):
    image = tf.constant(np.random.default_rng(0).integers(0, 255, (*shape, 3)), tf.uint8)
    raw = model.detect(image)
    assert len(raw.scores) == 5
    assert raw.masks.shape == (5, 28, 28)
    assert (raw.boxes.numpy() >= 0).all()
    assert (raw.boxes[:, 2].numpy() <= shape[1]).all()
    assert (raw.boxes[:, 3].numpy() <= shape[0]).all()
    assert set(raw.class_ids.numpy()) <= {1, 2, 3}


def test_levels_have_strides_4_to_64(model):
    levels = model.pyramid(tf.zeros([2, 128, 192, 3]), tf.constant([[128, 192]] * 2))
    assert [tuple(level.shape[1:3]) for level in levels] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert [len(a) for a in model.anchors(levels)] == [32 * 48 * 3, 16 * 24 * 3, 8 * 12 * 3, 4 * 6 * 3, 2 * 3 * 3]


def test_padding_beyond_an_images_size_does_not_matter(model):
    image = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3)).astype(np.uint8)
    wide = np.concatenate([image, np.full((1, 64, 64, 3), 77, np.uint8)], 2)
    other = np.concatenate([image, np.full((1, 64, 64, 3), 200, np.uint8)], 2)
    size = tf.constant([[64, 64]])
    for one, two in zip(model.pyramid(wide, size), model.pyramid(other, size), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("freeze_at", "frozen"), [(0, set()), (1, {"conv0"}), (2, {"conv0", "group0"})])
def test_freeze_at_takes_stem_and_first_group_out_of_training(tiny, freeze_at, frozen):
    model = MaskRCNN(tiny(freeze_at=freeze_at), 3)
    trained = {v.name.split("/")[0] for v in model.trained_variables()}
    assert trained == {"conv0", "group0", "group1", "group2", "group3", "fpn", "rpn", "fastrcnn", "maskrcnn"} - frozen


def test_bfloat16_computes_what_float32_computes_to_its_precision(tiny):
    tf.random.set_seed(0)
    exact = MaskRCNN(tiny(), 3)
    rough = MaskRCNN(tiny(), 3, tf.bfloat16)
    for name, variable in rough.named_variables().items():
        variable.assign(exact.named_variables()[name])
    image = tf.constant(np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3)), tf.uint8)
    size = tf.constant([[64, 64]])
    for one, two in zip(exact.pyramid(image, size), rough.pyramid(image, size), strict=True):
        assert two.dtype == tf.bfloat16
        error = np.linalg.norm(one - tf.cast(two, tf.float32)) / np.linalg.norm(one)
        assert error < 0.03


def test_upsample_repeats_each_pixel():
    assert upsample(tf.constant([[[[1.0], [2.0]]]]))[0, :, :, 0].numpy().tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_mask_head_without_boxes_answers_nothing(model):
    for inputs in (8, 16):
        head = MaskHead(inputs, 3, model.config.mask)
        assert head(tf.zeros([0, 14, 14, inputs]), tf.zeros([0], tf.int32)).shape == (0, 28, 28)
