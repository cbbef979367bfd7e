"""From TFRecord examples to tensors."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.data import schema
from maskrcnn.training import examples


def test_boxes_in_pixels_and_masks_cropped_to_them(make_example):
    parsed = examples.parse(make_example("a.png", 40, 80, [(2, (8, 4, 28, 24), True, False)]))
    assert parsed.image.shape == (40, 80, 3)
    assert parsed.size.numpy().tolist() == [40, 80]
    np.testing.assert_allclose(parsed.boxes, [[8, 4, 28, 24]], rtol=1e-5)
    assert parsed.class_ids.numpy().tolist() == [2]
    assert parsed.masks.shape == (1, examples.MASK_CROP, examples.MASK_CROP)
    crop = parsed.masks[0].numpy()
    assert (crop[2:-2, 2:-2] == 255).all()  # bilinear: the outermost cells see the background beside them
    assert (crop[0, 5:-5] > 127).all()
    assert parsed.name.numpy() == b"a.png"


def test_mask_keeps_its_shape_inside_the_box(make_example):
    serialized = make_example("a.png", 64, 64, [(1, (0, 0, 32, 64), True, False)])
    features = tf.train.Example.FromString(serialized)
    for name, value in ((schema.XMAX, 1.0), (schema.YMAX, 1.0)):  # the box is now twice as wide as the mask
        features.features.feature[name].float_list.value[:] = [value]
    crop = examples.parse(features.SerializeToString()).masks[0].numpy()
    half = examples.MASK_CROP // 2
    assert (crop[2:-2, 2 : half - 2] == 255).all()
    assert (crop[:, half + 2 :] == 0).all()


def test_crowds_are_left_out_and_boxes_without_masks_are_marked(make_example):
    objects = [(1, (0, 0, 9, 9), True, True), (2, (10, 10, 20, 20), False, False), (1, (5, 5, 15, 15), True, False)]
    parsed = examples.parse(make_example("a.png", 32, 32, objects))
    assert parsed.class_ids.numpy().tolist() == [2, 1]
    assert parsed.has_mask.numpy().tolist() == [False, True]
    assert parsed.masks[0].numpy().max() == 0


def test_kept_crowds_come_after_the_objects_with_the_negative_of_their_class(make_example):
    objects = [(1, (0, 0, 9, 9), True, True), (2, (10, 10, 20, 20), True, False), (1, (5, 5, 15, 15), True, False)]
    parsed = examples.parse(make_example("a.png", 32, 32, objects), keep_crowds=True)
    assert parsed.class_ids.numpy().tolist() == [2, 1, -1]
    assert parsed.has_mask.numpy().tolist() == [True, True, False]
    np.testing.assert_allclose(parsed.boxes[2], [0, 0, 9, 9], atol=1e-5)


def test_image_without_objects(make_example):
    parsed = examples.parse(make_example("empty.png", 32, 48, []))
    assert parsed.boxes.shape == (0, 4)
    assert parsed.masks.shape == (0, examples.MASK_CROP, examples.MASK_CROP)


def test_classes_that_nobody_needs_are_not_decoded(make_example):
    serialized = make_example("a.png", 40, 40, [(1, (0, 0, 20, 20), True, False), (2, (4, 4, 8, 8), True, False),
                                                (1, (8, 8, 30, 30), True, True)])
    for only, left in (([2], [2]), ([1, 2], [1, 2]), ([3], [])):
        parsed = examples.parse(serialized, only=tf.constant(only))
        assert parsed.class_ids.numpy().tolist() == left
        assert parsed.masks.shape[0] == len(left)
