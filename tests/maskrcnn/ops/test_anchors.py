"""Anchors as tensorpack lays them out."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from maskrcnn.ops import anchors


def test_cell_has_equal_areas_and_the_asked_ratios():
    cell = anchors.cell([32.0], (0.5, 1.0, 2.0))
    width, height = cell[:, 2] - cell[:, 0], cell[:, 3] - cell[:, 1]
    np.testing.assert_allclose(width * height, [1024.0] * 3, rtol=1e-5)
    np.testing.assert_allclose(height / width, [0.5, 1.0, 2.0], rtol=1e-5)
    np.testing.assert_allclose(cell[:, :2], -cell[:, 2:])


def test_grid_is_centred_at_multiples_of_the_stride_row_by_row():
    grid = anchors.grid(tf.constant([2, 3]), 8, [4.0], (1.0,)).numpy()
    centres = (grid[:, :2] + grid[:, 2:]) / 2
    assert centres.tolist() == [[0, 0], [8, 0], [16, 0], [0, 8], [8, 8], [16, 8]]
    assert grid[0].tolist() == [-2, -2, 2, 2]


def test_grid_keeps_the_anchors_of_a_cell_together():
    grid = anchors.grid(tf.constant([1, 2]), 16, [8.0], (1.0, 4.0)).numpy()
    np.testing.assert_allclose(grid[:2], anchors.cell([8.0], (1.0, 4.0)))
    np.testing.assert_allclose(grid[2:], anchors.cell([8.0], (1.0, 4.0)) + np.array([16, 0, 16, 0]))


def test_several_sizes_at_one_place_come_size_by_size():
    """The order of the 15 anchors of a C4 model, and so of its RPN's channels."""
    cell = anchors.cell((4.0, 8.0), (1.0, 4.0))
    assert cell.tolist() == [[-2, -2, 2, 2], [-1, -4, 1, 4], [-4, -4, 4, 4], [-2, -8, 2, 8]]
