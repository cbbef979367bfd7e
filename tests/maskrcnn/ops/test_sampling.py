"""Roles of anchors and proposals, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.ops import sampling
from maskrcnn.ops.sampling import IGNORED, NEGATIVE, POSITIVE

SIZE = tf.constant([100, 100])
SEED = tf.constant([1, 2], tf.int64)


def label(anchors, objects, **changes):
    options = {"positive_iou": 0.7, "negative_iou": 0.3, "inside_only": True, "keep_best": False} | changes
    objects = tf.reshape(tf.constant(objects, tf.float32), [-1, 4])
    return sampling.label_anchors(tf.constant(anchors, tf.float32), objects, SIZE, **options)


def test_anchor_labels_by_overlap():
    anchors = [
        [10, 10, 20, 20],  # the object itself
        [10, 10, 20, 15],  # half of it: in between, ignored
        [50, 50, 60, 60],  # background
        [-5, 0, 5, 10],  # reaches out of the image
    ]
    result = label(anchors, [[10, 10, 20, 20]])
    assert result.labels.numpy().tolist() == [POSITIVE, IGNORED, NEGATIVE, IGNORED]


def test_best_anchor_of_an_object_is_positive_below_the_threshold_ties_included():
    anchors = [[10, 10, 20, 15], [10, 15, 20, 20], [10, 10, 14, 20]]  # IoU 0.5, 0.5, 0.4
    assert label(anchors, [[10, 10, 20, 20]]).labels.numpy().tolist() == [POSITIVE, POSITIVE, IGNORED]


@pytest.mark.parametrize(("keep_best", "expected"), [(False, NEGATIVE), (True, POSITIVE)])
def test_best_anchor_below_the_negative_threshold_is_background_unless_kept(keep_best, expected):
    result = label([[10, 10, 20, 20], [60, 60, 70, 70]], [[10, 10, 14, 15]], keep_best=keep_best)  # IoU 0.2
    assert result.labels.numpy().tolist() == [expected, NEGATIVE]


def test_anchors_outside_take_part_when_allowed():
    assert label([[-5, 0, 5, 10]], [[-5, 0, 5, 10]], inside_only=False).labels.numpy().tolist() == [POSITIVE]


def test_matches_point_to_the_best_object():
    result = label([[10, 10, 20, 20], [50, 50, 60, 60]], [[50, 50, 60, 61], [10, 10, 20, 20]])
    assert result.matches.numpy().tolist() == [1, 0]


def test_image_without_objects_gives_only_background():
    assert label([[10, 10, 20, 20]], []).labels.numpy().tolist() == [NEGATIVE]


def test_choose_limits_positives_and_fills_up_with_negatives():
    labels = tf.constant([POSITIVE] * 10 + [NEGATIVE] * 50 + [IGNORED] * 5)
    positive, negative = sampling.choose(labels, 16, 0.25, SEED)
    assert len(positive) == 4
    assert len(negative) == 12
    assert all(labels[i] == POSITIVE for i in positive)
    assert all(labels[i] == NEGATIVE for i in negative)
    assert len(set(negative.numpy().tolist())) == 12


def test_choose_takes_more_negatives_where_positives_are_few():
    positive, negative = sampling.choose(tf.constant([POSITIVE] + [NEGATIVE] * 50), 16, 0.5, SEED)
    assert (len(positive), len(negative)) == (1, 15)


def test_choice_depends_on_the_seed_alone():
    labels = tf.constant([NEGATIVE] * 100)
    first, again, other = (sampling.choose(labels, 8, 0.5, seed)[1].numpy().tolist() for seed in (SEED, SEED, SEED + 7))
    assert first == again
    assert first != other


def test_proposals_are_positive_from_the_threshold_on():
    proposals = tf.constant([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 4.0]])
    result = sampling.label_proposals(proposals, tf.constant([[0.0, 0.0, 10.0, 10.0]]), 0.5)
    assert result.labels.numpy().tolist() == [POSITIVE, POSITIVE, NEGATIVE]


def test_shuffled_keeps_every_value_once():
    assert sorted(sampling.shuffled(tf.range(20), SEED).numpy()) == list(np.arange(20))


def test_anchors_in_a_crowd_are_ignored():
    anchors = tf.constant(
        [[0.0, 0.0, 10.0, 10.0], [6.0, 0.0, 16.0, 10.0], [30.0, 0.0, 40.0, 10.0], [5.0, 5.0, 5.0, 5.0]])
    crowds = tf.constant([[0.0, 0.0, 12.0, 20.0], [36.0, 0.0, 60.0, 20.0]])  # hold 1, 0.6 and 0.4 of the first three
    labels = tf.constant([1, 0, 0, 0])
    assert sampling.ignore_in_crowds(labels, anchors, crowds, 0.5).numpy().tolist() == [-1, -1, 0, 0]
    assert sampling.ignore_in_crowds(labels, anchors, crowds, 0.6).numpy().tolist() == [-1, 0, 0, 0]
    assert sampling.ignore_in_crowds(labels, anchors, crowds, 9.99).numpy().tolist() == [1, 0, 0, 0]
    assert sampling.ignore_in_crowds(labels, anchors, tf.zeros([0, 4]), 0.5).numpy().tolist() == [1, 0, 0, 0]


def test_only_background_is_spared():
    boxes = tf.constant([[0.0, 0.0, 10.0, 10.0]] * 2 + [[8.0, 0.0, 18.0, 10.0], [30.0, 0.0, 40.0, 10.0]])
    regions = tf.constant([[0.0, 0.0, 12.0, 20.0], [36.0, 0.0, 60.0, 20.0]])  # hold 1, 1, 0.4 and 0.4 of them
    labels = tf.constant([1, 0, 0, 0])
    assert sampling.spare(labels, boxes, regions).numpy().tolist() == [1, -1, 0, 0]
    assert sampling.spare(labels, boxes, tf.zeros([0, 4])).numpy().tolist() == [1, 0, 0, 0]
