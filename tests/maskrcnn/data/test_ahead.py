"""Work ahead keeps the order and its bounds."""

from __future__ import annotations

import threading

import pytest
from maskrcnn.data.ahead import ahead


def test_results_come_in_order_whoever_is_first():
    second_done = threading.Event()

    def work(n):
        if n == 0:
            assert second_done.wait(10)
        if n == 1:
            second_done.set()
        return n * n

    assert list(ahead(work, range(5), threads=2, most=3)) == [0, 1, 4, 9, 16]


def test_no_more_is_taken_than_may_wait():
    taken = []
    results = ahead(lambda n: n, (taken.append(n) or n for n in range(100)), threads=2, most=4)
    next(results)
    assert taken == [0, 1, 2, 3]
    results.close()


def test_a_failure_comes_where_its_result_would():
    def work(n):
        if n == 2:
            raise ValueError("third")
        return n

    results = ahead(work, range(5), threads=1, most=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="third"):
        next(results)
