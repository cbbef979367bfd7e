"""The draw: a split for every part by the hash of its name, mended where a class would be missing somewhere."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Literal, get_args

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

    Attributes:
        splits: Group -> split, as it is now.
    """

    def __init__(self, wishes: Mapping[str, Wish], settings: DataSettings, contents: Contents) -> None:
        self.splits: dict[str, Split] = {group: by_hash(group, said, settings) for group, said in wishes.items()}
        self._wishes, self._settings, self._contents = wishes, settings, contents
        self._by_hash = sorted(wishes, key=fraction)
        self._shown: dict[str, list[str]] = defaultdict(list)
        self._count: Counter[tuple[str, Split]] = Counter()
        for group in self._by_hash:
            for name in self._classes(group):
                self._shown[name].append(group)
                self._count[name, self.splits[group]] += 1
        self._needed = {(name, split): self._need(name, split) for name in self._shown for split in _MOST_NEEDED}

    def stratify(self) -> None:
        """Bring every class into train, test and val, the rarest first: it has the least choice."""
        for name in sorted(self._shown, key=lambda name: (len(self._shown[name]), name)):
            for split in _MOST_NEEDED:
                for group in self._givers(name, split):
                    if self._count[name, split] >= self._needed[name, split]:
                        break
                    if not self._is_needed(group):
                        self._move(group, split)

    def top_up(self, split: Split, share: float) -> None:
        """A small draw may miss its share: let the next train groups by hash follow, up to the share."""
        drawn = [group for group in self._by_hash if self._wishes[group] == "any"]
        missing = int(share * len(drawn)) - sum(self.splits[group] == split for group in drawn)
        for group in drawn:
            if missing > 0 and self.splits[group] == "train" and not self._is_needed(group):
                self._move(group, split)
                missing -= 1

    def leave_none_empty(self, placed: Counter[Split]) -> None:
        """Move single groups into empty splits: the least explicit one, from the fullest split, lowest hash."""
        for empty in _SPLITS:
            counts = placed + Counter(self.splits.values())
            if counts[empty]:
                continue
            givers = [g for g, said in self._wishes.items() if said != "test" and counts[self.splits[g]] > 1]
            if givers:
                self._move(min(givers, key=functools.partial(self._reluctance, counts)), empty)

    def _reluctance(self, counts: Counter[Split], group: str) -> tuple[int, bool, int, float]:
        explicit = -WISHES.index(self._wishes[group])
        return explicit, self._is_needed(group), -counts[self.splits[group]], fraction(group)

    def _givers(self, name: str, split: Split) -> list[str]:
        """Groups that show the class and may come to a split: those of train first, lowest hash first."""
        allowed = _MAY_MOVE[split]
        groups = (g for g in self._shown[name] if self.splits[g] != split and self._wishes[g] in allowed)
        return sorted(groups, key=lambda g: self.splits[g] != "train")

    def _is_needed(self, group: str) -> bool:
        """True when one of its classes would have too little in the group's split without it."""
        split = self.splits[group]
        return any(self._count[name, split] <= self._needed[name, split] for name in self._classes(group))

    def _need(self, name: str, split: Split) -> int:
        """How many of the new groups must show a class in a split."""
        placed = self._contents.placed.get(name, {})
        known = len(self._shown[name]) + sum(placed.values())
        missing = int(not placed.get(split) and known > _MOST_NEEDED.index(split))
        if split == "train":
            return missing
        share = self._settings.test_share if split == "test" else self._settings.val_share
        drawn = sum(self._wishes[group] in _MAY_MOVE[split] for group in self._shown[name])
        return max(missing, int(share * drawn / 2))

    def _move(self, group: str, split: Split) -> None:
        for name in self._classes(group):
            self._count[name, self.splits[group]] -= 1
            self._count[name, split] += 1
        self.splits[group] = split

    def _classes(self, group: str) -> frozenset[str]:
        return self._contents.of_group.get(group, frozenset())


def by_hash(group: str, said: Wish, settings: DataSettings) -> Split:
    """The split of a group as its name's hash alone says, within what was said about it."""
    if said in ("test", "val", "train"):
        return said
    drawn = fraction(group)
    if said == "train_or_val":
        return "val" if drawn < settings.val_share / (1 - settings.test_share) else "train"
    if drawn < settings.test_share:
        return "test"
    return "val" if drawn < settings.test_share + settings.val_share else "train"


def fraction(group: str) -> float:
    """A number from 0 to below 1 that is the same for this group everywhere and always; the lowest change first."""
    digest = hashlib.sha256(f"castline split {group}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
