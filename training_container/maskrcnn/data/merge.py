"""Join the accepted uploads with the parent version: who is a member, with which label, in which split."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from app.contracts.dataset import ClassStatistics, Finding, LabelRecord, Member, MemberChange, Split
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, splits
from maskrcnn.data.draw import Contents, Wish
from maskrcnn.data.history import Past
from maskrcnn.data.intake import Accepted, Intake, Said
from maskrcnn.data.versions import group_of, meaning


@dataclasses.dataclass(frozen=True)
class Merged:
    """Members of the new version, what changed about them, and who left; each sorted by image hash."""

    members: tuple[Member, ...]
    changes: tuple[MemberChange, ...]
    former: tuple[Member, ...]
    findings: tuple[Finding, ...]

    def count(self, change: str) -> int:
        """How many images were added, relabelled or removed."""
        return sum(entry.change == change for entry in self.changes)


def merge(past: Past, intake: Intake, settings: DataSettings, label_of: Callable[[str], LabelRecord]) -> Merged:
    """Add new images, replace labels that say something new, let go what was asked out, and leave the rest as it was.

    Args:
        past: The parent version and what came before it.
        intake: The uploads.
        settings: Shares of the splits, and what a part is.
        label_of: Label hash -> record, of the parent's members.
    """
    before = {member.image_sha256: member for member in past.members}
    known = {**past.former, **before}
    groups = _groups(known, intake, settings.group_pattern)
    members = {
        sha: dataclasses.replace(member, group=groups[sha]) for sha, member in before.items() if sha not in past.removed
    }
    placement = _placement(past, members, known, groups, intake, settings, label_of)
    changes = [_change("removed", before[sha], None) for sha in past.removed]
    found = []
    for sha, item in sorted(intake.accepted.items()):
        if sha in past.removed:
            continue
        split = known[sha].split if sha in known else placement.splits[groups[sha]]
        if placement.wishes[sha] == "test" and split != "test":
            found.append(_split_kept(intake.said[sha], split))
        old = before.get(sha)
        if old and _says_the_same(old, item, label_of):
            continue
        members[sha] = _member(item, groups[sha], split)
        changes.append(_change("relabelled" if old else "added", old, members[sha]))
    former = {sha: dataclasses.replace(known[sha], group=groups[sha]) for sha in known.keys() - members.keys()}
    return Merged(_sorted(members), tuple(sorted(changes, key=_hash)), _sorted(former), tuple(found))


def _says_the_same(old: Member, item: Accepted, label_of: Callable[[str], LabelRecord]) -> bool:
    return old.label_sha256 == item.label_sha256 or meaning(label_of(old.label_sha256)) == item.meaning


def _hash(item: Member | MemberChange) -> str:
    return item.image_sha256


def _sorted(members: Mapping[str, Member]) -> tuple[Member, ...]:
    return tuple(members[sha] for sha in sorted(members))


@dataclasses.dataclass(frozen=True)
class _Placement:
    """The split of every group, and what was said about every uploaded image."""

    splits: Mapping[str, Split]
    wishes: Mapping[str, Wish]


def _placement(
    past: Past,
    members: Mapping[str, Member],
    known: Mapping[str, Member],
    groups: Mapping[str, str],
    intake: Intake,
    settings: DataSettings,
    label_of: Callable[[str], LabelRecord],
) -> _Placement:
    placed = splits.inherited((groups[sha], member.split) for sha, member in known.items())
    occupied = Counter(member.split for member in members.values())
    wishes = _wishes(intake, has_test=occupied["test"] > 0)
    leaving = [(label_of(known[sha].label_sha256), known[sha].split) for sha in past.removed]
    contents = _contents(past.statistics, leaving, intake, groups, placed)
    return _Placement(splits.place(_by_group(wishes, groups), placed, settings, contents, occupied), wishes)


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


def _groups(known: Mapping[str, Member], intake: Intake, pattern: str) -> dict[str, str]:
    """Image hash -> the part it shows.

    Copies and near-copies of one photograph under the names of several parts make these one part: the smallest
    name stands for it.
    """
    names: dict[str, list[str]] = {sha: [member.file_name] for sha, member in known.items()}
    for sha, item in intake.accepted.items():
        names.setdefault(sha, []).extend((item.file_name, *(said.path for said in intake.said[sha])))
    joined: dict[str, str] = {}

    def representative(group: str) -> str:
        while joined.get(group, group) != group:
            group = joined[group]
        return group

    first: dict[str, str] = {}
    for sha, file_names in names.items():
        parts = sorted({representative(group_of(name, pattern, sha)) for name in file_names})
        joined.update(dict.fromkeys(parts, parts[0]))
        first[sha] = parts[0]
    for pair in intake.near:
        parts = sorted({representative(first[sha]) for sha in pair})
        joined[parts[-1]] = parts[0]
    return {sha: representative(group) for sha, group in first.items()}


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
