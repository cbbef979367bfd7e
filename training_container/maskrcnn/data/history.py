"""What earlier versions decide for this one: who is a member, and which split every image ever had.

A split is for ever. Otherwise an image that is removed and uploaded again, or uploaded again after a rollback, could
come from test into train, and a champion could be judged by what it learnt from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from app.contracts import keys
from app.contracts.dataset import ClassStatistics, Member
from maskrcnn.data.members import read_former, read_members
from maskrcnn.storage import Store


@dataclasses.dataclass(frozen=True)
class Everyone:
    """All images that a version or an earlier one held; each iteration is a new pass over them."""

    members: Iterable[Member]
    former: Mapping[str, Member]

    def __iter__(self) -> Iterator[Member]:
        yield from self.members
        yield from self.former.values()


@dataclasses.dataclass(frozen=True)
class Past:
    """What a new version is built on.

    Attributes:
        members: Of the parent; none for the first version.
        statistics: Of the parent: where its classes are.
        former: Image hash -> its last entry, for every image that an earlier version held and the parent does not.
        removed: Hashes of the members that leave now.
    """

    members: Iterable[Member] = ()
    statistics: Iterable[ClassStatistics] = ()
    former: Mapping[str, Member] = dataclasses.field(default_factory=dict)
    removed: Collection[str] = frozenset()


def former_members(store: Store, parent: str) -> dict[str, Member]:
    """Every image that was a member once and is none of the parent's: removed, or undone by a rollback to the parent.

    Args:
        store: The bucket.
        parent: Name of a version.
    """
    former = {member.image_sha256: member for member in read_former(store, parent)}
    for undone in _rolled_back(store, parent):
        for member in (*read_members(store, undone), *read_former(store, undone)):
            former.setdefault(member.image_sha256, member)
    if former:
        for member in read_members(store, parent):
            former.pop(member.image_sha256, None)
    return former


def _rolled_back(store: Store, version: str) -> list[str]:
    """The versions from which somebody went back to this one."""
    return [PurePosixPath(key).stem for key in store.keys(keys.rollbacks(version))]
