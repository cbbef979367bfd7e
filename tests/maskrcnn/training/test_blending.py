"""An object with soft edges in another image, by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.training.affine import Motion
from maskrcnn.training.blending import blended

WHOLE = tf.fill([8, 8], tf.constant(255, tf.uint8))
BOX = tf.constant([10.0, 10.0, 18.0, 18.0])


def grey(value: int, side: int = 40) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def shift(x: float, y: float) -> Motion:
    return Motion(tf.eye(2), tf.constant([x, y], tf.float32))


def test_object_arrives_whole_with_the_light_of_its_new_surroundings():
    """Given a square 30 darker than its surroundings of 90, when it comes into 150, then it is 120 there."""
    donor = grey(90)
    donor[10:18, 10:18] = 60
    made = blended(tf.constant(grey(150)), tf.constant(donor), BOX, WHOLE, shift(12, 5)).numpy().astype(int)
    assert (made[15:23, 22:30] == 120).all()
    made[15:23, 22:30] = 150
    assert (made == 150).all()


def test_edge_fades_from_the_donors_surroundings_to_the_images():
    """Given stripes around the object in the donor: whole within two pixels of it, then they fade, then none."""
    donor = grey(100)
    donor[::2] = 140
    made = blended(tf.constant(grey(120)), tf.constant(donor), BOX, WHOLE, shift(0, 0)).numpy().astype(int)[:, 14, 0]
    contrast = np.abs(np.diff(made))  # 40 where the donor shows alone
    assert (contrast[9:18] >= 36).all()
    assert (contrast[:5] == 0).all()
    assert (contrast[23:] == 0).all()
    assert 0 < contrast[7] < 40
    assert (np.diff(contrast[5:10]) >= 0).all()


def test_object_at_the_border_changes_only_what_is_inside():
    donor = grey(90)
    donor[10:18, 10:18] = 60
    made = blended(tf.constant(grey(150, 24)), tf.constant(donor), BOX, WHOLE, shift(-14, 8)).numpy()
    assert made.shape == (24, 24, 3)
    assert (made[18:24, 0:4] == 120).all()
    assert (made[:13] == 150).all()


def test_mask_and_not_the_box_is_pasted():
    donor = grey(90)
    donor[10:18, 10:18] = 200
    mask = np.zeros((8, 8), np.uint8)
    mask[:2, :2] = 255  # the object is the upper left corner alone
    donor[10:12, 10:12] = 60
    made = blended(tf.constant(grey(90)), tf.constant(donor), BOX, tf.constant(mask), shift(10, 10)).numpy()
    assert (made[26:28, 26:28] == 90).all()  # the far corner of the box stays as it was
    assert made[20, 20, 0] < 60  # darker than its bright surroundings there
