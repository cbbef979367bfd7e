"""Join the accepted uploads with the parent version: who is a member, with which label, in which split."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Literal

from app.contracts.dataset import ClassStatistics, Finding, LabelRecord, Member, MemberChange, Split
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, splits
from maskrcnn.data.draw import Contents, Wish
from maskrcnn.data.groups import Groups
from maskrcnn.data.history import Past
from maskrcnn.data.intake import Accepted, Intake, Said
from maskrcnn.data.versions import meaning


@dataclasses.dataclass(frozen=True)
class Merged:
    """Members of the new version, what changed about them, and who left; each sorted by image hash.

    `members` may be iterated again and again: each time the parent's are read again, and nobody holds them all.
    """

    members: Iterable[Member]
    changes: tuple[MemberChange, ...]
    former: tuple[Member, ...]
    findings: tuple[Finding, ...]

    def count(self, change: str) -> int:
        """How many images were added, relabelled or removed."""
        return sum(entry.change == change for entry in self.changes)


def merge(past: Past, intake: Intake, settings: DataSettings, label_of: Callable[[str], LabelRecord]) -> Merged:
    """Add new images, replace labels that say something new, let go what was asked out, and leave the rest as it was.

    Of the parent's members only those are kept in memory that the uploads touch; the others pass by.

    Args:
        past: The parent version and what came before it; its members are iterated several times.
        intake: The uploads.
        settings: Shares of the splits, and what a part is.
        label_of: Label hash -> record, of the parent's members.
    """
    touched = {*intake.accepted, *itertools.chain.from_iterable(intake.near), *past.removed}
    before: dict[str, Member] = {}
    occupied: Counter[Split] = Counter()
    for member in past.members:
        occupied[member.split] += member.image_sha256 not in past.removed
        if member.image_sha256 in touched:
            before[member.image_sha256] = member
    known = {**past.former, **before}
    groups = Groups(known, intake, settings.group_pattern)
    placement = _placement(past, occupied, known, groups, intake, settings, label_of)
    changed: dict[str, Member] = {}
    changes = [_change("removed", before[sha], None) for sha in past.removed]
    found = []
    for sha, item in sorted(intake.accepted.items()):
        if sha in past.removed:
            continue
        group = groups.of(sha, item.file_name)
        split = known[sha].split if sha in known else placement.splits[group]
        if placement.wishes[sha] == "test" and split != "test":
            found.append(_split_kept(intake.said[sha], split))
        old = before.get(sha)
        if old and _says_the_same(old, item, label_of):
            continue
        changed[sha] = _member(item, group, split)
        changes.append(_change("relabelled" if old else "added", old, changed[sha]))
    gone = {**past.former, **{sha: before[sha] for sha in past.removed}}
    former = tuple(groups.regrouped(gone[sha]) for sha in sorted(gone.keys() - changed.keys() - _stay(before, past)))
    members = _Members(past, tuple(changed[sha] for sha in sorted(changed)), groups)
    return Merged(members, tuple(sorted(changes, key=_hash)), former, tuple(found))


def _stay(before: Mapping[str, Member], past: Past) -> set[str]:
    return set(before) - set(past.removed)


@dataclasses.dataclass(frozen=True)
class _Members:
    """The parent's members that stay, and in between what is new about them; a new pass each time it is iterated."""

    past: Past
    changed: tuple[Member, ...]
    groups: Groups

    def __iter__(self) -> Iterator[Member]:
        replaced = {member.image_sha256 for member in self.changed}
        staying = (
            self.groups.regrouped(member)
            for member in self.past.members
            if member.image_sha256 not in replaced and member.image_sha256 not in self.past.removed
        )
        return heapq.merge(staying, self.changed, key=_hash)


def _says_the_same(old: Member, item: Accepted, label_of: Callable[[str], LabelRecord]) -> bool:
    return old.label_sha256 == item.label_sha256 or meaning(label_of(old.label_sha256)) == item.meaning


def _hash(item: Member | MemberChange) -> str:
    return item.image_sha256


@dataclasses.dataclass(frozen=True)
class _Placement:
    """The split of every group, and what was said about every uploaded image."""

    splits: Mapping[str, Split]
    wishes: Mapping[str, Wish]


def _placement(
    past: Past,
    occupied: Counter[Split],
    known: Mapping[str, Member],
    groups: Groups,
    intake: Intake,
    settings: DataSettings,
    label_of: Callable[[str], LabelRecord],
) -> _Placement:
    of = {sha: groups.of(sha, item.file_name) for sha, item in intake.accepted.items()}
    placed = _placed(past, known, groups, frozenset(of.values()))
    wishes = _wishes(intake, has_test=occupied["test"] > 0)
    leaving = [(label_of(known[sha].label_sha256), known[sha].split) for sha in past.removed]
    contents = _contents(past.statistics, leaving, intake, of, placed)
    return _Placement(splits.place(_by_group(wishes, of), placed, settings, contents, occupied), wishes)


def _placed(
    past: Past, known: Mapping[str, Member], groups: Groups, wanted: Collection[str]
) -> dict[str, Split]:
    """The splits of those groups of earlier versions to which uploads belong.

    Without a pattern a photograph is its own part, and only those that uploads touch can be of their groups.
    """
    others = itertools.chain(past.former.values(), past.members) if groups.pattern else ()
    placements = ((groups.of(m.image_sha256, m.file_name), m.split) for m in itertools.chain(known.values(), others))
    return splits.inherited(placement for placement in placements if placement[0] in wanted)


def _change(change: Literal["added", "relabelled", "removed"], old: Member | None, new: Member | None) -> MemberChange:
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


def _wishes(intake: Intake, has_test: bool) -> dict[str, Wish]:
    """Image hash -> the strongest of what its copies say."""

    def strongest(sha: str, test_exists: bool) -> Wish:
        return splits.strongest(
            splits.wish(said.split, frozenset(intake.said_in[said.root]), test_exists) for said in intake.said[sha]
        )

    test_exists = has_test or any(strongest(sha, False) == "test" for sha in intake.accepted)
    return {sha: strongest(sha, test_exists) for sha in intake.accepted}


def _by_group(wishes: Mapping[str, Wish], groups: Mapping[str, str]) -> dict[str, Wish]:
    by_group: dict[str, Wish] = {}
    for sha, wish in wishes.items():
        by_group[groups[sha]] = splits.strongest((wish, by_group.get(groups[sha], "any")))
    return by_group


def _contents(
    parent: Iterable[ClassStatistics],
    leaving: Iterable[tuple[LabelRecord, Split]],
    intake: Intake,
    groups: Mapping[str, str],
    placed: Mapping[str, Split],
) -> Contents:
    """The classes of new groups, and how much of each class has its split: in the parent, and in new views."""
    of_group: dict[str, frozenset[str]] = {}
    counts = {entry.name: Counter(entry.images) for entry in parent}
    for record, split in leaving:
        for name in {instance.class_name for instance in record.instances}:
            counts[name][split] -= 1
    for sha, item in intake.accepted.items():
        group, names = groups[sha], frozenset(item.class_names)
        if group not in placed:
            of_group[group] = of_group.get(group, frozenset()) | names
            continue
        for name in names:
            counts.setdefault(name, Counter())[placed[group]] += 1
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
