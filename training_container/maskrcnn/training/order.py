"""Which record each position of training shows: a function of the seed and the position alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_COMPANIONS, _ROUNDING = 1, 2
"""Keep the random numbers of these choices apart, and from those of the permutation."""


class Place(NamedTuple):
    """What one position shows."""

    record: int
    """Index of the one that is shown."""
    position: int
    """Images seen before it."""
    companions: tuple[int, ...]
    """Other records, drawn for it."""


class Order:
    """Passes over the records, each in a new order and each record as often as its repeat factor says.

    A factor of 1.3 shows the record twice in three of ten passes and once in the others, decided anew for each pass
    (Gupta et al. 2019, LVIS, appendix A). Where all factors are 1, a pass shows every record once.

    Args:
        factors: [N] at least 1, N at least 1.
        seed: Decides everything that is random.
    """

    def __init__(self, factors: NDArray[np.float64], seed: int) -> None:
        self._factors, self._seed = factors, seed

    def walk(self, start: int, companions: int = 0) -> Iterator[Place]:
        """Every position from `start` on, without end.

        Args:
            start: Images seen before.
            companions: How many other records to draw for each position, as often as passes show them.
        """
        turn, first = self._pass_with(start)
        position = start
        while True:
            shown = self._shown(turn)
            order = np.random.default_rng([self._seed, turn]).permutation(len(shown))
            for index in shown[order[first:]]:
                yield Place(int(index), position, self._others(shown, position, companions) if companions else ())
                position += 1
            turn, first = turn + 1, 0

    def _others(self, shown: NDArray[np.int64], position: int, count: int) -> tuple[int, ...]:
        drawn = np.random.default_rng([self._seed, _COMPANIONS, position]).integers(len(shown), size=count)
        return tuple(int(other) for other in shown[drawn])

    def _pass_with(self, position: int) -> tuple[int, int]:
        """Number of the pass that holds a position, and the place in it."""
        if (self._factors == 1.0).all():
            return divmod(position, len(self._factors))
        turn = 0
        while position >= (length := len(self._shown(turn))):
            turn, position = turn + 1, position - length
        return turn, position

    def _shown(self, turn: int) -> NDArray[np.int64]:
        """Indices of the records as often as a pass shows them, rising."""
        chance = np.random.default_rng([self._seed, _ROUNDING, turn]).random(len(self._factors))
        return np.repeat(np.arange(len(self._factors)), np.floor(self._factors + chance).astype(np.int64))
