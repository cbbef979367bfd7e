"""3x3 neighbourhoods of single cells on maps of different sizes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.ops import neighbourhoods

# Map A is 2 x 3 with the values 1 to 6, image 1 has ten times these; map B is a single cell.
MAP_A = tf.constant([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
MAPS = [tf.stack([MAP_A, MAP_A * 10.0]), tf.constant([[[[7.0]]], [[[70.0]]]])]


def test_corner_edge_and_a_map_of_one_cell():
    taken = neighbourhoods.gather_3x3(MAPS, tf.constant([0, 1, 1]), tf.constant([0, 4, 6]))
    assert taken.numpy().tolist() == [
        [0, 0, 0, 0, 1, 2, 0, 4, 5],
        [10, 20, 30, 40, 50, 60, 0, 0, 0],
        [0, 0, 0, 0, 70, 0, 0, 0, 0],
    ]


def test_same_as_a_convolution_with_its_gradient():
    rng = np.random.default_rng(0)
    maps = [tf.constant(rng.normal(size=(2, h, w, 3)), tf.float32) for h, w in ((4, 5), (2, 3))]
    kernel = tf.constant(rng.normal(size=(3, 3, 3, 2)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        whole = tf.concat([tf.reshape(tf.nn.conv2d(x, kernel, 1, "SAME"), [2, -1, 2]) for x in maps], 1)
        images, cells = (tf.reshape(part, [-1]) for part in tf.meshgrid(tf.range(2), tf.range(26), indexing="ij"))
        patches = neighbourhoods.gather_3x3(maps, images, cells)
        single = tf.matmul(patches, tf.reshape(kernel, [27, 2]))
        sums = [tf.reduce_sum(whole**2), tf.reduce_sum(single**2)]
    np.testing.assert_allclose(single, tf.reshape(whole, [-1, 2]), rtol=1e-5, atol=1e-5)
    for values in maps:
        np.testing.assert_allclose(tape.gradient(sums[1], values), tape.gradient(sums[0], values), rtol=1e-4)
