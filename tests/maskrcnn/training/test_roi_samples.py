"""Which boxes the heads learn from."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.model.config import BoxHeadConfig
from maskrcnn.training import objective, roi_samples
from maskrcnn.training.examples import IGNORED, Example

BATCH = Example(
    tf.zeros([2, 40, 40, 3], tf.uint8), tf.constant([[40, 40], [40, 40]]),
    tf.constant([[[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]], [[5.0, 5.0, 15.0, 15.0], [0.0, 0.0, 0.0, 0.0]]]),
    tf.constant([[3, 1], [2, 0]]), tf.zeros([2, 2, 4, 4], tf.uint8), tf.fill([2, 2], True), tf.constant(["a", "b"]))


def test_objects_are_without_padding():
    assert roi_samples.objects_of(BATCH, 1).numpy().tolist() == [[5, 5, 15, 15]]


def test_what_is_ignored_is_neither_object_nor_crowd_nor_background():
    """Given what a tile left of an object, and a proposal in it and one beside it."""
    left = tf.constant([[0.0, 30.0, 8.0, 40.0]])
    batch = BATCH._replace(boxes=tf.stack([tf.concat([BATCH.boxes[0, :1], left], 0), BATCH.boxes[1]]),
                           class_ids=tf.constant([[3, IGNORED], [2, -1]]))
    assert roi_samples.objects_of(batch, 0).numpy().tolist() == [[0, 0, 10, 10]]
    assert roi_samples.ignored_of(batch, 0).numpy().tolist() == left.numpy().tolist()
    assert [roi_samples.crowds_of(batch, image).shape[0] for image in (0, 1)] == [0, 1]
    proposals = tf.constant([[1.0, 31.0, 9.0, 39.0], [20.0, 20.0, 30.0, 30.0], [0.0, 0.0, 10.0, 9.0]])
    none = tf.zeros([0, 4])
    chosen = roi_samples.choose(BoxHeadConfig(samples=8), [proposals, none], batch, tf.constant([1, 2]))
    negatives = tf.boolean_mask(chosen.boxes, (chosen.class_ids == 0) & (chosen.images == 0))
    assert negatives.numpy().tolist() == [[20, 20, 30, 30]]
    again = roi_samples.rematch(proposals, tf.zeros([3], tf.int32), batch, 0.5)
    assert again.boxes.numpy().tolist() == proposals.numpy()[1:].tolist()
    assert again.class_ids.numpy().tolist() == [0, 3]


def test_rematch_labels_by_the_stages_own_overlap_and_leaves_empty_boxes_out():
    boxes = tf.constant([[0.0, 0.0, 10.0, 6.5], [20.0, 20.0, 40.0, 31.0], [7.0, 7.0, 7.0, 20.0],
                         [5.0, 5.0, 15.0, 15.0], [0.0, 0.0, 10.0, 10.0]])
    images = tf.constant([0, 0, 0, 1, 1])
    found = roi_samples.rematch(boxes, images, BATCH, 0.6)
    assert found.boxes.numpy().tolist() == boxes.numpy()[[0, 1, 3, 4]].tolist()
    assert found.images.numpy().tolist() == [0, 0, 1, 1]
    assert found.class_ids.numpy().tolist() == [3, 0, 2, 0]  # IoU 0.65, 0.55, 1 and 25 / 175
    assert found.foreground().objects.numpy().tolist() == [0, 0]
    assert roi_samples.rematch(boxes, images, BATCH, 0.5).class_ids.numpy().tolist() == [3, 1, 2, 0]


def test_rematch_in_an_image_without_objects_is_background():
    empty = BATCH._replace(class_ids=tf.zeros([2, 2], tf.int32))
    found = roi_samples.rematch(tf.constant([[0.0, 0.0, 10.0, 10.0]]), tf.constant([1]), empty, 0.6)
    assert found.class_ids.numpy().tolist() == [0]


def test_scale_gradient_keeps_the_value():
    x = tf.constant([1.5, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = objective.scale_gradient(x, 0.25) * tf.constant([2.0, 4.0])
    np.testing.assert_array_equal(y, [3.0, -8.0])
    np.testing.assert_array_equal(tape.gradient(y, x), [0.5, 1.0])
