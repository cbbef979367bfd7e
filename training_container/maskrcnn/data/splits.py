"""Which images train, validate and test: decided once per part, by hash, and never changed afterwards.

In this order: (1) what the parent version placed stays, and new photographs of the same part follow it;
(2) what the upload says by folder, file name or tag; (3) a draw by the hash of the part's name.

What the upload says, per data set:
    train, val and test    as they are
    train and val          `val` is the held-out set people judge by: it becomes test, val is drawn from train
    train and test         val is drawn from train
    only train             never test if the data set has a test set already, else drawn like anything
    nothing                drawn
The result does not depend on the order of the input.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from app.contracts.dataset import Split
from app.contracts.settings import DataSettings

Wish = Literal["test", "val", "train", "train_or_val", "any"]
"""What is said about a photograph; the first in this order wins where several say something."""

_WISHES: tuple[Wish, ...] = get_args(Wish)
_SPLITS: tuple[Split, ...] = ("test", "train", "val")


def wish(said: Split | None, said_in_data_set: frozenset[Split], has_test: bool) -> Wish:
    """Translate the word of one image, in the light of all words of its data set.

    Args:
        said: The word for this image.
        said_in_data_set: All words that occur in its data set.
        has_test: Test images exist already, in the parent version or by another upload's word.
    """
    if said is None:
        return "any"
    if said == "test" or (said == "val" and said_in_data_set == {"train", "val"}):
        return "test"
    if said == "val":
        return "val"
    if said_in_data_set == {"train", "val", "test"}:
        return "train"
    return "train_or_val" if len(said_in_data_set) > 1 or has_test else "any"


def strongest(wishes: Iterable[Wish]) -> Wish:
    """The one that counts: what anybody calls test must never be trained on."""
    return min(wishes, key=_WISHES.index)


def inherited(placements: Iterable[tuple[str, Split]]) -> dict[str, Split]:
    """Group -> split, from the members of the parent version: test wins, then val.

    A group lies in several splits only when the setting data.group_pattern changed in between.
    """
    order: tuple[Split, ...] = ("test", "val", "train")
    groups: dict[str, Split] = {}
    for group, split in placements:
        groups[group] = min(split, groups.get(group, split), key=order.index)
    return groups


def place(wishes: Mapping[str, Wish], placed: Mapping[str, Split], settings: DataSettings) -> dict[str, Split]:
    """Give every group its split.

    Args:
        wishes: New group -> strongest wish of its photographs.
        placed: Group -> split of the parent version; wins over wishes.
        settings: The shares.

    Returns:
        group -> split for all groups of both. At least one group in each split if three or more exist and
        the wishes for test and the parent leave a choice.
    """
    fresh = {group: said for group, said in wishes.items() if group not in placed}
    splits = {group: _draw(group, said, settings) for group, said in fresh.items()}
    drawn = sorted((group for group, said in fresh.items() if said == "any"), key=_fraction)
    _top_up(splits, drawn, "test", int(settings.test_share * len(drawn)))
    _top_up(splits, drawn, "val", int(settings.val_share * len(drawn)))
    _leave_none_empty(splits, fresh, placed)
    return {**splits, **placed}


def _draw(group: str, said: Wish, settings: DataSettings) -> Split:
    if said in ("test", "val", "train"):
        return said
    fraction = _fraction(group)
    if said == "train_or_val":
        return "val" if fraction < settings.val_share / (1 - settings.test_share) else "train"
    if fraction < settings.test_share:
        return "test"
    return "val" if fraction < settings.test_share + settings.val_share else "train"


def _fraction(group: str) -> float:
    """A number from 0 to below 1 that is the same for this group everywhere and always."""
    digest = hashlib.sha256(f"castline split {group}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _top_up(splits: dict[str, Split], drawn: list[str], split: Split, wanted: int) -> None:
    """A small draw may miss its share: let the next train groups by hash follow, up to the share."""
    missing = wanted - sum(splits[group] == split for group in drawn)
    for group in [group for group in drawn if splits[group] == "train"][: max(missing, 0)]:
        splits[group] = split


def _leave_none_empty(splits: dict[str, Split], wishes: Mapping[str, Wish], placed: Mapping[str, Split]) -> None:
    """Move single groups into empty splits: the least explicit one, from the fullest split, lowest hash."""
    for empty in _SPLITS:
        counts = Counter([*splits.values(), *placed.values()])
        if counts[empty]:
            continue
        givers = [group for group, said in wishes.items() if said != "test" and counts[splits[group]] > 1]
        if givers:
            chosen = min(givers, key=lambda g: (-_WISHES.index(wishes[g]), -counts[splits[g]], _fraction(g)))
            splits[chosen] = empty
