"""The order of the records: entered anywhere, each as often as its factor says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from maskrcnn.training.order import Order

EVEN = np.ones(7)
UNEVEN = np.array([1.0, 1.0, 1.5, 2.25, 3.0])


def walked(factors, count, start=0, companions=0):
    return list(itertools.islice(Order(factors, seed=3).walk(start, companions), count))


def test_every_pass_shows_every_record_once_in_a_new_order():
    stream = walked(EVEN, 21)
    passes = [[place.record for place in stream[start : start + 7]] for start in (0, 7, 14)]
    assert [sorted(one) for one in passes] == [list(range(7))] * 3
    assert len({tuple(one) for one in passes}) == 3
    assert [place.position for place in stream] == list(range(21))


@pytest.mark.parametrize("factors", [EVEN, UNEVEN])
@pytest.mark.parametrize("start", [0, 4, 9, 11, 26])
def test_order_can_be_entered_anywhere(factors, start):
    straight = walked(factors, 60, companions=3)
    assert walked(factors, 60 - start, start, companions=3) == straight[start:]


def test_passes_round_factors_at_random_and_whole_ones_never():
    """Given factors 1, 1, 1.5, 2.25 and 3, then the halves and quarters alone change from pass to pass."""
    order = Order(UNEVEN, seed=3)
    counts = np.array([np.bincount(order._shown(turn)) for turn in range(2000)])
    np.testing.assert_array_equal(np.unique(counts[:, [0, 1, 4]], axis=0), [[1, 1, 3]])
    assert set(counts[:, 2]) == {1, 2}
    assert set(counts[:, 3]) == {2, 3}
    np.testing.assert_allclose(counts.mean(0), UNEVEN, atol=0.03)
    assert abs(np.corrcoef(counts[:, 2], counts[:, 3])[0, 1]) < 0.06  # images are rounded independently


def test_long_run_shows_records_in_proportion_to_their_factors():
    shown = np.bincount([place.record for place in walked(UNEVEN, 8750)], minlength=5)
    np.testing.assert_allclose(shown / 1000, UNEVEN, rtol=0.03)


def test_companions_are_drawn_as_often_as_passes_show_them():
    drawn = np.bincount([other for place in walked(UNEVEN, 4000, companions=3) for other in place.companions])
    np.testing.assert_allclose(drawn / drawn.sum(), UNEVEN / UNEVEN.sum(), atol=0.01)
