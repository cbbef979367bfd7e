"""Which photographs show the same part: one part is never on both sides of a split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from app.contracts.dataset import Member
from maskrcnn.data.intake import Intake
from maskrcnn.data.versions import group_of


class Groups:
    """The parts that photographs show, by their names.

    Copies and near-copies of one photograph under the names of several parts make these one part: the smallest name
    stands for it. Only what the uploads join is remembered; every other name stands for itself.

    Args:
        known: Image hash -> member of an earlier version, for the images that the uploads touch.
        intake: The uploads.
        pattern: What in a file name names the part; empty: every photograph is its own part.

    Attributes:
        pattern: As given.
    """

    def __init__(self, known: Mapping[str, Member], intake: Intake, pattern: str) -> None:
        self.pattern = pattern
        self._joined: dict[str, str] = {}
        for sha, item in intake.accepted.items() if pattern else ():  # without one, a hash names the part
            names = [item.file_name, *(said.path for said in intake.said[sha])]
            names += [known[sha].file_name] if sha in known else []
            self._join(self.of(sha, name) for name in names)
        for pair in intake.near:
            files = {sha: (known.get(sha) or intake.accepted[sha]).file_name for sha in pair}
            self._join(self.of(sha, name) for sha, name in files.items())

    def of(self, image_sha256: str, file_name: str) -> str:
        """The part that a photograph shows."""
        return self._representative(group_of(file_name, self.pattern, image_sha256))

    def regrouped(self, member: Member) -> Member:
        """The member with the part that it now belongs to."""
        group = self.of(member.image_sha256, member.file_name)
        return member if group == member.group else dataclasses.replace(member, group=group)

    def _join(self, parts: Iterable[str]) -> None:
        first, *others = sorted(set(parts))
        self._joined.update(dict.fromkeys(others, first))

    def _representative(self, group: str) -> str:
        while group in self._joined:
            group = self._joined[group]
        return group
