"""Join the accepted uploads with the parent version: who is a member, with which label, in which split."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from app.contracts.dataset import ClassStatistics, Finding, LabelRecord, Member, Split
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, splits
from maskrcnn.data.draw import Contents, Wish
from maskrcnn.data.intake import Accepted, Intake, Said
from maskrcnn.data.versions import group_of, same_label


@dataclasses.dataclass(frozen=True)
class Merged:
    """Members of the new version, sorted by image hash."""

    members: tuple[Member, ...]
    added: int
    relabelled: int
    findings: tuple[Finding, ...]


def merge(
    parent_members: Iterable[Member],
    intake: Intake,
    settings: DataSettings,
    label_of: Callable[[str], LabelRecord],
    parent_statistics: Iterable[ClassStatistics] = (),
) -> Merged:
    """Add new images, replace labels that say something new, and leave everything else as it was.

    Args:
        parent_members: Of the committed version; none for the first.
        intake: The uploads.
        settings: Shares of the splits, and what a part is.
        label_of: Label hash -> record, of either side.
        parent_statistics: Of the committed version: where its classes are.
    """
    before = {member.image_sha256: member for member in parent_members}
    groups = _groups(before, intake, settings.group_pattern)
    members = {sha: dataclasses.replace(member, group=groups[sha]) for sha, member in before.items()}
    placed = splits.inherited((member.group, member.split) for member in members.values())
    wishes = _wishes(intake, has_test="test" in placed.values())
    contents = _contents(parent_statistics, intake, groups, placed)
    placement = splits.place(_by_group(wishes, groups), placed, settings, contents)
    found, relabelled = [], 0
    for sha, item in sorted(intake.accepted.items()):
        split = before[sha].split if sha in before else placement[groups[sha]]
        if wishes[sha] == "test" and split != "test":
            found.append(_split_kept(intake.said[sha], split))
        if sha in before and same_label(label_of(before[sha].label_sha256), label_of(item.label_sha256)):
            continue
        relabelled += sha in before
        members[sha] = _member(item, groups[sha], split)
    added = len(intake.accepted.keys() - before.keys())
    return Merged(tuple(members[sha] for sha in sorted(members)), added, relabelled, tuple(found))


def _groups(before: Mapping[str, Member], intake: Intake, pattern: str) -> dict[str, str]:
    """Image hash -> the part it shows.

    Copies of one photograph under the names of two parts make these one part: the smallest name stands for it.
    """
    names: dict[str, list[str]] = {sha: [member.file_name] for sha, member in before.items()}
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
    parent: Iterable[ClassStatistics], intake: Intake, groups: Mapping[str, str], placed: Mapping[str, Split]
) -> Contents:
    """The classes of new groups, and how much of each class has its split: in the parent, and in new views."""
    of_group: dict[str, frozenset[str]] = {}
    counts = {entry.name: Counter(entry.images) for entry in parent}
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
    )
