"""Which images train, validate and test: decided once per part, by hash, and never changed afterwards.

In this order: (1) what the parent version placed stays, and new photographs of the same part follow it;
(2) what the upload says by folder, file name, tag or list; (3) a draw by the hash of the part's name; (4) of the
drawn parts the fewest possible, lowest hash first, change over until every class is in train, test and val, as far
as it is shown by that many parts, with at least half its share in test and val. Half, because every part that
changes over makes the draw depend on what else was uploaded with it.

What the upload says, per data set:
    train, val and test    as they are
    train and val          `val` is the held-out set people judge by: it becomes test, val is drawn from train
    train and test         val is drawn from train
    only train             never test if the data set has a test set already, else drawn like anything
    nothing                drawn
The result does not depend on the order of the input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping

from app.contracts.dataset import Split
from app.contracts.settings import DataSettings
from maskrcnn.data.draw import WISHES, Contents, Draw, Wish


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
    return min(wishes, key=WISHES.index)


def inherited(
    placements: Iterable[tuple[str, Split]], into: MutableMapping[str, Split] | None = None
) -> MutableMapping[str, Split]:
    """Group -> split, from the members of the parent version: test wins, then val.

    A group lies in several splits only when the setting data.group_pattern changed in between.

    Args:
        placements: Group and split, as often as there are members.
        into: Gets the splits, and is returned; a dict unless given.
    """
    order: tuple[Split, ...] = ("test", "val", "train")
    groups: MutableMapping[str, Split] = {} if into is None else into
    for group, split in placements:
        groups[group] = min(split, groups.get(group, split), key=order.index)
    return groups


def place(
    wishes: Mapping[str, Wish],
    placed: Mapping[str, Split],
    settings: DataSettings,
    contents: Contents | None = None,
    occupied: Mapping[Split, int] | None = None,
    into: MutableMapping[str, Split] | None = None,
) -> MutableMapping[str, Split]:
    """Give every group its split.

    Args:
        wishes: New group -> strongest wish of its photographs; iterated twice.
        placed: Group -> split of the versions before; wins over wishes.
        settings: The shares.
        contents: The classes.
        occupied: Split -> how much of `placed` is there now, where some of it was removed; all unless given.
        into: Gets the splits, and is returned; a dict unless given.

    Returns:
        group -> split for all groups of both. At least one group in each split if three or more exist and
        the wishes for test and the parent leave a choice.
    """
    draw = Draw((item for item in wishes.items() if item[0] not in placed), settings, contents or Contents())
    draw.stratify()
    draw.top_up("test", settings.test_share)
    draw.top_up("val", settings.val_share)
    draw.leave_none_empty(Counter(placed.values()) if occupied is None else Counter(occupied))
    splits: MutableMapping[str, Split] = {} if into is None else into
    splits.update(zip((group for group in wishes if group not in placed), draw.splits(), strict=True))
    splits.update(placed)
    return splits
