"""Join the accepted uploads with the parent version: who is a member, with which label, in which split."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from app.contracts.dataset import Finding, LabelRecord, Member, Split, VersionManifest
from app.contracts.settings import DataSettings
from maskrcnn.data import findings, splits
from maskrcnn.data.intake import Accepted, Intake
from maskrcnn.data.versions import group_of, same_label


@dataclasses.dataclass(frozen=True)
class Merged:
    """Members of the new version, sorted by image hash."""

    members: tuple[Member, ...]
    added: int
    relabelled: int
    findings: tuple[Finding, ...]


def merge(
    parent: VersionManifest | None,
    intake: Intake,
    settings: DataSettings,
    label_of: Callable[[str], LabelRecord],
) -> Merged:
    """Add new images, replace labels that say something new, and leave everything else as it was.

    Args:
        parent: The committed version; None for the first.
        intake: The uploads.
        settings: Shares of the splits, and what a part is.
        label_of: Label hash -> record, of either side.
    """
    before = {member.image_sha256: member for member in parent.members} if parent else {}
    members = {
        sha: dataclasses.replace(m, group=group_of(m.file_name, settings.group_pattern, sha))
        for sha, m in before.items()
    }
    placed = splits.inherited((m.group, m.split) for m in members.values())
    groups = {
        sha: group_of(item.file_name, settings.group_pattern, sha) for sha, item in intake.accepted.items()
    }
    wishes = _wishes(intake, has_test="test" in placed.values())
    by_group: dict[str, splits.Wish] = {}
    for sha, group in groups.items():
        by_group[group] = splits.strongest((wishes[sha], by_group.get(group, "any")))
    placement = splits.place(by_group, placed, settings)
    found, relabelled = [], 0
    for sha, item in sorted(intake.accepted.items()):
        split = before[sha].split if sha in before else placement[groups[sha]]
        if wishes[sha] == "test" and split != "test":
            found.append(
                findings.warning(
                    item.path,
                    "image",
                    "split-kept",
                    f"is called test but stays in {split}: this part was in {split} "
                    "in an earlier version, and what was trained on cannot test",
                )
            )
        if sha in before and same_label(label_of(before[sha].label_sha256), label_of(item.label_sha256)):
            continue
        relabelled += sha in before
        members[sha] = _member(item, groups[sha], split)
    added = len(intake.accepted.keys() - before.keys())
    return Merged(tuple(members[sha] for sha in sorted(members)), added, relabelled, tuple(found))


def _wishes(intake: Intake, has_test: bool) -> dict[str, splits.Wish]:
    """Image hash -> the strongest of what its copies say."""

    def of(said: set[tuple[str, Split | None]], test_exists: bool) -> splits.Wish:
        return splits.strongest(
            splits.wish(word, frozenset(intake.said_in[root]), test_exists) for root, word in said
        )

    test_exists = has_test or any(of(intake.said[sha], False) == "test" for sha in intake.accepted)
    return {sha: of(intake.said[sha], test_exists) for sha in intake.accepted}


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
