"""Which images lie together in which shard; pure.

What a version shares with its parent stays where it is: a shard of the parent is kept if all of its images are still
members with the same label and split. The other images (new, relabelled, or out of a shard that lost one) are cut by
hash into new shards of equal size. So 100 new images make one new shard a split, however many there are already; a cut
by hash alone would put them into 100 different shards, and rewrite all of those. When many small shards have come
together in this way, they are cut anew.

A shard is named by its content, so the same images cut in the same way are never written twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from app.contracts.dataset import SPLITS, ClassDefinition, Member, Shard, Split, VersionManifest

SHARD_BYTES = 128 * 1000 * 1000
"""Large enough to read at full speed, small enough that hosts and readers get equal shares."""
FEWEST_SHARDS = 4
"""Of a split that begins: so many hosts find something to read however few images there are."""
MOST_SMALL_SHARDS = 16
"""More of them in a split, each below half of SHARD_BYTES, are put together."""
NAME_DIGITS = 20
ENCODING = 1
"""To be raised when the same members are to be written as other bytes."""
_BYTES_AN_OBJECT = 400
"""About what an object takes beside the image: its mask as PNG, its box."""


@dataclasses.dataclass(frozen=True)
class NewShard:
    """A shard that is to be written unless it exists.

    Attributes:
        name: Hash of what it is to hold.
        split: Whose.
        number: Which of the new shards of its split.
    """

    name: str
    split: Split
    number: int


@dataclasses.dataclass(frozen=True)
class Cut:
    """How the images without a place are cut into shards.

    Attributes:
        kept: Names of the parent's shards that stay.
        weights: Split -> bytes of all images without a place.
        shards: Split -> into how many shards these go.
    """

    kept: frozenset[str]
    weights: Mapping[Split, int]
    shards: Mapping[Split, int]

    def numbers(self, members: Iterable[Member]) -> Iterator[tuple[Member, int | None]]:
        """Each member with the number of its new shard in its split; None: it stays in its shard.

        Args:
            members: All members of the version by image hash, with the shard each had in the parent version or "".
        """
        passed: Counter[str] = Counter()
        for member in members:
            if member.shard in self.kept:
                yield member, None
            else:
                number = passed[member.split] * self.shards[member.split] // self.weights[member.split]
                passed[member.split] += weight(member)
                yield member, number


def weight(member: Member) -> int:
    """About how many bytes a member takes in a shard."""
    return member.size_bytes + _BYTES_AN_OBJECT * (1 + member.instances)


def cut(members: Iterable[Member], parent: VersionManifest | None) -> Cut:
    """Decide what stays and how the rest is cut.

    Args:
        members: As for Cut.numbers.
        parent: The version that is built on.
    """
    images: Counter[str] = Counter()
    loose: dict[Split, Counter[str]] = {split: Counter() for split in SPLITS}  # split -> shard -> bytes
    count: dict[Split, Counter[str]] = {split: Counter() for split in SPLITS}
    for member in members:
        images[member.shard] += 1
        loose[member.split][member.shard] += weight(member)
        count[member.split][member.shard] += 1
    kept = {split: _kept(parent.shards.get(split, ()) if parent else (), images) for split in SPLITS}
    all_kept = frozenset(name for names in kept.values() for name in names)
    weights = {s: sum(size for name, size in loose[s].items() if name not in all_kept) for s in SPLITS}
    counts = {s: sum(n for name, n in count[s].items() if name not in all_kept) for s in SPLITS}
    shards = {
        split: max(
            math.ceil(weights[split] / SHARD_BYTES), min(FEWEST_SHARDS - len(kept[split]), counts[split]), 1
        )
        for split in SPLITS
    }
    return Cut(all_kept, weights, shards)


def _kept(shards: Iterable[Shard], images: Mapping[str, int]) -> frozenset[str]:
    whole = [shard for shard in shards if images.get(shard.name, 0) == shard.images]
    small = {shard.name for shard in whole if shard.size_bytes < SHARD_BYTES / 2}
    return frozenset(s.name for s in whole if len(small) <= MOST_SMALL_SHARDS or s.name not in small)


def name(
    members: Iterable[Member], cut_: Cut, classes: Iterable[ClassDefinition]
) -> dict[tuple[Split, int], NewShard]:
    """Name the new shards.

    Args:
        members: As for Cut.numbers.
        cut_: How they are cut.
        classes: Of the version; ids are written into the shards.

    Returns:
        (split, number) -> shard; a number to which no member came has none.
    """
    head = f"{ENCODING} {sorted((c.id, c.name) for c in classes)}\n".encode()
    digests: dict[tuple[Split, int], hashlib._Hash] = {}
    for member, number in cut_.numbers(members):
        if number is not None:
            digest = digests.setdefault((member.split, number), hashlib.sha256(head))
            digest.update(f"{member.image_sha256} {member.label_sha256}\n".encode())
    return {key: NewShard(digest.hexdigest()[:NAME_DIGITS], *key) for key, digest in sorted(digests.items())}


def placed(
    members: Iterable[Member], cut_: Cut, shards: Mapping[tuple[Split, int], NewShard]
) -> Iterator[Member]:
    """The members with the names of their shards."""
    for member, number in cut_.numbers(members):
        yield member if number is None else dataclasses.replace(member, shard=shards[member.split, number].name)
