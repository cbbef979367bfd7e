"""The draw: a split for every part by the hash of its name, mended where a class would be missing somewhere."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import Split
from app.contracts.settings import DataSettings

Wish = Literal["test", "val", "train", "train_or_val", "any"]
"""What is said about a photograph; the first in this order wins where several say something."""

WISHES: tuple[Wish, ...] = get_args(Wish)
_SPLITS: tuple[Split, ...] = ("test", "train", "val")
_MOST_NEEDED: tuple[Split, ...] = ("train", "test", "val")
"""A class that one part shows is learnt, of two parts one tests, the third validates."""
_MAY_MOVE: dict[Split, tuple[Wish, ...]] = {
    "train": ("any", "train_or_val"),
    "test": ("any",),
    "val": ("any", "train_or_val"),
}


@dataclasses.dataclass(frozen=True)
class Contents:
    """Which classes are where, for the draw to see to each of them.

    Attributes:
        of_group: New group -> classes of its objects.
        placed: Class -> split -> how much of it the groups show that have their split already.
    """

    of_group: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    placed: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)


class Draw:
    """The splits of the new groups: as their hashes say, then repaired.

    There may be a million groups. Inside, a group is its place in the order of hashes, and what is known of it lies in
    arrays of numbers; their names are not kept.

    Args:
        wishes: New group -> the strongest wish of its photographs; iterated once.
        settings: The shares.
        contents: The classes.
    """

    def __init__(self, wishes: Iterable[tuple[str, Wish]], settings: DataSettings, contents: Contents) -> None:
        self._settings, self._contents = settings, contents
        kinds: dict[frozenset[str], int] = {}
        fractions, said, kind_of = array("d"), array("b"), array("i")
        for group, wish in wishes:
            fractions.append(fraction(group))
            said.append(WISHES.index(wish))
            kind_of.append(kinds.setdefault(contents.of_group.get(group, frozenset()), len(kinds)))
        self._order = np.argsort(fractions, kind="stable")
        self._fraction, self._wish = np.asarray(fractions)[self._order], np.asarray(said)[self._order]
        self._kind, self._kinds = np.asarray(kind_of)[self._order], tuple(kinds)
        drawn = (_by_fraction(f, WISHES[w], settings) for f, w in zip(self._fraction, self._wish, strict=True))
        self._split = np.fromiter((_SPLITS.index(split) for split in drawn), np.int8, len(self._order))
        self._shown = {name: self._showing(name) for name in sorted(frozenset().union(*self._kinds))}
        self._count = Counter({
            (name, split): int((self._split[groups] == number).sum())
            for name, groups in self._shown.items() for number, split in enumerate(_SPLITS)
        })
        self._needed = {(name, split): self._need(name, split) for name in self._shown for split in _MOST_NEEDED}

    def splits(self) -> Iterator[Split]:
        """The splits as they are now, in the order in which the groups were given."""
        given = np.empty_like(self._split)
        given[self._order] = self._split
        return (_SPLITS[number] for number in given)

    def stratify(self) -> None:
        """Bring every class into train, test and val, the rarest first: it has the least choice."""
        for name in sorted(self._shown, key=lambda name: (len(self._shown[name]), name)):
            for split in _MOST_NEEDED:
                for group in self._givers(name, split).tolist():
                    if self._count[name, split] >= self._needed[name, split]:
                        break
                    if not self._is_needed(group):
                        self._move(group, split)

    def top_up(self, split: Split, share: float) -> None:
        """A small draw may miss its share: let the next train groups by hash follow, up to the share."""
        drawn = np.flatnonzero(self._wish == WISHES.index("any"))
        missing = int(share * len(drawn)) - int((self._split[drawn] == _SPLITS.index(split)).sum())
        if missing <= 0:
            return
        for group in drawn[self._split[drawn] == _SPLITS.index("train")].tolist():
            if missing > 0 and not self._is_needed(group):
                self._move(group, split)
                missing -= 1

    def leave_none_empty(self, placed: Counter[Split]) -> None:
        """Move single groups into empty splits: the least explicit one, from the fullest split, lowest hash."""
        for empty in _SPLITS:
            counts = placed + Counter({s: int((self._split == number).sum()) for number, s in enumerate(_SPLITS)})
            if counts[empty]:
                continue
            full = [number for number, split in enumerate(_SPLITS) if counts[split] > 1]
            givers = np.flatnonzero((self._wish != WISHES.index("test")) & np.isin(self._split, full))
            if len(givers):
                self._move(min(givers.tolist(), key=functools.partial(self._reluctance, counts)), empty)

    def _showing(self, name: str) -> NDArray[np.intp]:
        """The groups that show a class, lowest hash first."""
        return np.flatnonzero(np.isin(self._kind, [n for n, names in enumerate(self._kinds) if name in names]))

    def _reluctance(self, counts: Counter[Split], group: int) -> tuple[int, bool, int, float]:
        return -self._wish[group], self._is_needed(group), -counts[_SPLITS[self._split[group]]], self._fraction[group]

    def _givers(self, name: str, split: Split) -> NDArray[np.intp]:
        """Groups that show the class and may come to a split: those of train first, lowest hash first."""
        shown = self._shown[name]
        free = shown[(self._split[shown] != _SPLITS.index(split)) & self._may_move(shown, split)]
        in_train = self._split[free] == _SPLITS.index("train")
        return np.concatenate([free[in_train], free[~in_train]])

    def _may_move(self, groups: NDArray[np.intp], split: Split) -> NDArray[np.bool_]:
        return np.isin(self._wish[groups], [WISHES.index(wish) for wish in _MAY_MOVE[split]])

    def _is_needed(self, group: int) -> bool:
        """True when one of its classes would have too little in the group's split without it."""
        split = _SPLITS[self._split[group]]
        return any(self._count[name, split] <= self._needed[name, split] for name in self._classes(group))

    def _need(self, name: str, split: Split) -> int:
        """How many of the new groups must show a class in a split."""
        placed = self._contents.placed.get(name, {})
        known = len(self._shown[name]) + sum(placed.values())
        missing = int(not placed.get(split) and known > _MOST_NEEDED.index(split))
        if split == "train":
            return missing
        share = self._settings.test_share if split == "test" else self._settings.val_share
        drawn = int(self._may_move(self._shown[name], split).sum())
        return max(missing, int(share * drawn / 2))

    def _move(self, group: int, split: Split) -> None:
        for name in self._classes(group):
            self._count[name, _SPLITS[self._split[group]]] -= 1
            self._count[name, split] += 1
        self._split[group] = _SPLITS.index(split)

    def _classes(self, group: int) -> frozenset[str]:
        return self._kinds[int(self._kind[group])]


def by_hash(group: str, said: Wish, settings: DataSettings) -> Split:
    """The split of a group as its name's hash alone says, within what was said about it."""
    return _by_fraction(fraction(group), said, settings)


def _by_fraction(drawn: float, said: Wish, settings: DataSettings) -> Split:
    if said in ("test", "val", "train"):
        return said
    if said == "train_or_val":
        return "val" if drawn < settings.val_share / (1 - settings.test_share) else "train"
    if drawn < settings.test_share:
        return "test"
    return "val" if drawn < settings.test_share + settings.val_share else "train"


def fraction(group: str) -> float:
    """A number from 0 to below 1 that is the same for this group everywhere and always; the lowest change first."""
    digest = hashlib.sha256(f"castline split {group}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
