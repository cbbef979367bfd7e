"""Do slow things for a stream of items by several threads, a bounded number ahead, and keep the order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T], *, threads: int, most: int) -> Iterator[R]:
    """Like map, but `most` results at most are in work or waiting, whatever the number of items.

    Args:
        function: Called by `threads` threads at once.
        items: Taken one by one by the caller's thread, as results are.
        threads: How many work.
        most: How far they may be ahead of whoever takes the results.

    Raises:
        Exception: whatever `function` raised, where its result would have come.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
