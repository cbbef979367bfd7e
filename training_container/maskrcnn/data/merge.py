"""Join the accepted uploads with the parent version: who is a member, with which label, in which split."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import ChainMap, Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from app.contracts.dataset import ClassStatistics, Finding, LabelRecord, Member, MemberChange, Split
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, splits
from maskrcnn.data.draw import Contents, Wish
from maskrcnn.data.groups import Groups
from maskrcnn.data.history import Past
from maskrcnn.data.intake import Accepted, Intake, Said
from maskrcnn.data.ledger import Table
from maskrcnn.data.versions import meaning
from maskrcnn.data.wishes import Wishes

Change = Literal["added", "relabelled", "removed"]


@dataclasses.dataclass(frozen=True)
class Merged:
    """Members of the new version, what changed about them, and who left; each sorted by image hash.

    `members` and `changes` may be iterated again and again: each time they are read again, and nobody holds them all.
    """

    members: Iterable[Member]
    changes: Iterable[MemberChange]
    former: tuple[Member, ...]
    findings: tuple[Finding, ...]
    counts: Mapping[Change, int]

    def count(self, change: Change) -> int:
        """How many images were added, relabelled or removed."""
        return self.counts.get(change, 0)


def merge(past: Past, intake: Intake, settings: DataSettings, label_of: Callable[[str], LabelRecord]) -> Merged:
    """Add new images, replace labels that say something new, let go what was asked out, and leave the rest as it was.

    Of the parent's members only those are kept, in the intake's ledger, that the uploads touch; the others pass by.

    Args:
        past: The parent version and what came before it; its members are iterated several times.
        intake: The uploads.
        settings: Shares of the splits, and what a part is.
        label_of: Label hash -> record, of the parent's members.
    """
    before, occupied = _look_back(past, intake)
    known = ChainMap(before, past.former)  # type: ignore[arg-type]  # nothing is written to it
    groups = Groups(known, intake, settings.group_pattern)
    wishes = Wishes(intake, has_test=occupied["test"] > 0)
    placed = _place(past, occupied, before, groups, intake, settings, wishes, label_of)
    changed: Table[Member] = intake.ledger.table()
    counts: Counter[Change] = Counter({"removed": len(past.removed)})
    found = []
    for sha, item in intake.accepted.by_key():
        if sha in past.removed:
            continue
        group = groups.of(sha, item.file_name)
        split = known[sha].split if sha in known else placed[group]
        if split != "test" and wishes.of(sha) == "test":
            found.append(_split_kept(intake.said[sha], split))
        old = before.get(sha)
        if old and _says_the_same(old, item, label_of):
            continue
        changed[sha] = _member(item, group, split)
        counts["relabelled" if old else "added"] += 1
    gone = {**past.former, **{sha: before[sha] for sha in past.removed}}
    staying = (sha for sha in gone if sha not in changed and (sha in past.removed or sha not in before))
    former = tuple(groups.regrouped(gone[sha]) for sha in sorted(staying))
    changes = _Changes(tuple(sorted(past.removed)), before, changed)
    return Merged(_Members(past, changed, groups), changes, former, tuple(found), counts)


def _look_back(past: Past, intake: Intake) -> tuple[Table[Member], Counter[Split]]:
    """The parent's members that the uploads touch, and how many stay in each split."""
    paired = set(itertools.chain.from_iterable(intake.near))
    before: Table[Member] = intake.ledger.table()
    occupied: Counter[Split] = Counter()
    for member in past.members:
        sha = member.image_sha256
        occupied[member.split] += sha not in past.removed
        if sha in paired or sha in past.removed or sha in intake.accepted:
            before[sha] = member
    return before, occupied


@dataclasses.dataclass(frozen=True)
class _Members:
    """The parent's members that stay, and in between what is new about them; a new pass each time it is iterated."""

    past: Past
    changed: Table[Member]
    groups: Groups

    def __iter__(self) -> Iterator[Member]:
        staying = (self.groups.regrouped(m) for m in self.past.members if m.image_sha256 not in self.past.removed)
        changed = (member for _, member in self.changed.by_key())
        both = heapq.merge(changed, staying, key=_hash)  # of two with one hash, what is new comes first
        return (next(same) for _, same in itertools.groupby(both, _hash))


@dataclasses.dataclass(frozen=True)
class _Changes:
    """What changed, by image hash; a new pass each time it is iterated."""

    removed: Sequence[str]
    before: Mapping[str, Member]
    changed: Table[Member]

    def __iter__(self) -> Iterator[MemberChange]:
        removed = (_change("removed", self.before[sha], None) for sha in self.removed)
        return heapq.merge(removed, self._new(), key=_hash)

    def _new(self) -> Iterator[MemberChange]:
        for sha, member in self.changed.by_key():
            old = self.before.get(sha)
            yield _change("relabelled" if old else "added", old, member)


def _says_the_same(old: Member, item: Accepted, label_of: Callable[[str], LabelRecord]) -> bool:
    return old.label_sha256 == item.label_sha256 or meaning(label_of(old.label_sha256)) == item.meaning


def _hash(item: Member | MemberChange) -> str:
    return item.image_sha256


def _change(change: Change, old: Member | None, new: Member | None) -> MemberChange:
    member = new or old
    assert member  # noqa: S101 - a fact of the callers, for the type checker
    return MemberChange(
        member.image_sha256,
        change,
        member.file_name,
        member.split,
        new.label_sha256 if new else None,
        old.label_sha256 if old else None,
    )


def _place(
    past: Past,
    occupied: Counter[Split],
    before: Mapping[str, Member],
    groups: Groups,
    intake: Intake,
    settings: DataSettings,
    wishes: Wishes,
    label_of: Callable[[str], LabelRecord],
) -> Mapping[str, Split]:
    """The split of every group to which uploads belong."""
    strongest: Table[Wish] = intake.ledger.table()
    for sha, item in intake.accepted.items():
        group = groups.of(sha, item.file_name)
        strongest[group] = splits.strongest((wishes.of(sha), strongest.get(group, "any")))
    placed = _placed(past, before, groups, strongest, intake.ledger.table())
    leaving = [(label_of(before[sha].label_sha256), before[sha].split) for sha in past.removed]
    contents = _contents(past.statistics, leaving, intake, groups, placed)
    return splits.place(strongest, placed, settings, contents, occupied, into=intake.ledger.table())


def _placed(
    past: Past, before: Mapping[str, Member], groups: Groups, wanted: Container[str], into: Table[Split]
) -> Mapping[str, Split]:
    """The splits of those groups of earlier versions to which uploads belong.

    Without a pattern a photograph is its own part, and only those that uploads touch can be of their groups.
    """
    earlier = itertools.chain(past.former.values(), past.members if groups.pattern else before.values())
    placements = ((groups.of(m.image_sha256, m.file_name), m.split) for m in earlier)
    return splits.inherited((placement for placement in placements if placement[0] in wanted), into)


def _contents(
    parent: Iterable[ClassStatistics],
    leaving: Iterable[tuple[LabelRecord, Split]],
    intake: Intake,
    groups: Groups,
    placed: Mapping[str, Split],
) -> Contents:
    """The classes of new groups, and how much of each class has its split: in the parent, and in new views."""
    of_group: Table[frozenset[str]] = intake.ledger.table()
    counts = {entry.name: Counter(entry.images) for entry in parent}
    for record, split in leaving:
        for name in {instance.class_name for instance in record.instances}:
            counts[name][split] -= 1
    for sha, item in intake.accepted.items():
        group, names = groups.of(sha, item.file_name), frozenset(item.class_names)
        split_before = placed.get(group)
        if split_before is None:
            of_group[group] = of_group.get(group, frozenset()) | names
            continue
        for name in names:
            counts.setdefault(name, Counter())[split_before] += 1
    return Contents(of_group, counts)


def _split_kept(copies: Iterable[Said], split: Split) -> Finding:
    """The copy that is called test is the one to name; `val` may mean test, see splits.wish."""
    held_out = min(copies, key=lambda said: (said.split != "test", said.split != "val", said.path))
    return findings.warning(
        held_out.path,
        "image",
        "split-kept",
        f"is called {held_out.split} but stays in {split}: this part was in {split} in an earlier version, "
        "and what was trained on cannot test",
    )


def _member(item: Accepted, group: str, split: Split) -> Member:
    return Member(
        item.image_sha256,
        item.image_extension,
        item.label_sha256,
        item.file_name,
        group,
        split,
        item.width,
        item.height,
        len(item.class_names),
        item.size_bytes,
        fingerprint=item.fingerprint,
    )
