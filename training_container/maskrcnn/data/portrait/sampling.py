"""What is kept of a stream whose length nobody knows: samples and extremes of a fixed size, whatever the order."""

from __future__ import annotations

import bisect
import hashlib
import operator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lowest(Generic[T]):
    """The `size` items with the lowest keys; memory does not grow with what passes by.

    With `draw` as the key it is a uniform sample without replacement that is the same in any order of arrival
    (bottom-k sketch, Cohen and Kaplan 2007); with a measured value as the key these are the extremes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[Any, T]] = []

    def add(self, key: Any, item: T) -> None:
        """Offer an item; keys are compared, items never."""
        if len(self._kept) == self._size:
            if not key < self._kept[-1][0]:
                return
            self._kept.pop()
        bisect.insort(self._kept, (key, item), key=operator.itemgetter(0))

    def items(self) -> list[T]:
        """What was kept, the lowest key first."""
        return [item for _, item in self._kept]


def draw(*names: object) -> int:
    """A number that looks random and depends on the names alone."""
    text = "\0".join(map(str, names)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
