"""The same photograph again: exactly or nearly, in this upload or an earlier version, and in two splits at once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable

from app.contracts.dataset import Finding, Member
from maskrcnn.data import findings, similarity
from maskrcnn.data.intake import Intake, Said
from maskrcnn.data.ledger import Table

_THUMBNAILS_KEPT = 4096  # 64 MB


def compare(intake: Intake, known_members: Iterable[Member], image_of: Callable[[str, str], bytes]) -> None:
    """Note near-duplicates in the intake, so that they stay in one split, and say what is in two splits.

    Args:
        intake: The uploads; gets `near` and findings.
        known_members: Of the committed version and before; their images are compared too, by their fingerprints.
        image_of: Image hash and extension -> the canonical bytes, of either side.
    """
    everyone, fresh = _everyone(intake, known_members)

    @functools.lru_cache(_THUMBNAILS_KEPT)
    def thumbnail_of(sha256: str) -> similarity.Thumbnail:
        return similarity.thumbnail(image_of(sha256, everyone[sha256].extension))

    intake.near = similarity.near_duplicates(_Fingerprints(everyone), fresh, thumbnail_of)
    for _, copies in intake.said.by_key():
        intake.findings.extend(_in_two_splits(copies, "the same"))
    said = []
    for pair in intake.near:
        # the finding is about an upload: a member of an earlier version is only named
        other, one = sorted(pair, key=lambda sha: (sha in fresh, everyone[sha].name))
        copies = intake.said.get(one, frozenset()) | intake.said.get(other, frozenset())
        said.extend(_in_two_splits(copies, "nearly the same") or [_near(everyone[one].name, everyone[other].name)])
    intake.findings.extend(sorted(said, key=lambda finding: finding.message))


@dataclasses.dataclass(frozen=True)
class _Image:
    """One image of either side.

    Attributes:
        name: What a finding calls it.
    """

    fingerprint: str
    extension: str
    name: str


def _everyone(intake: Intake, known_members: Iterable[Member]) -> tuple[Table[_Image], Collection[str]]:
    """All images by hash, and the hashes of those that no earlier version had."""
    everyone: Table[_Image] = intake.ledger.table()
    fresh: Table[None] = intake.ledger.table()
    for member in known_members:
        name = f"{member.file_name} of an earlier version"
        everyone[member.image_sha256] = _Image(member.fingerprint, member.image_extension, name)
    for sha256, item in intake.accepted.items():
        if sha256 not in everyone:
            fresh[sha256] = None
        everyone[sha256] = _Image(item.fingerprint, item.image_extension, item.path)
    return everyone, fresh


@dataclasses.dataclass(frozen=True)
class _Fingerprints:
    """Of all images, by hash; a new pass each time."""

    everyone: Table[_Image]

    def items(self) -> Iterable[tuple[str, str]]:
        return ((sha256, image.fingerprint) for sha256, image in self.everyone.by_key())


def _near(name: str, other: str) -> Finding:
    return findings.warning(
        name,
        "image",
        "near-duplicate",
        f"is nearly the same photograph as {other}: both stay in one split; delete one if it is a copy",
    )


def _in_two_splits(said: Iterable[Said], words: str) -> list[Finding]:
    """Says so when copies, or near-copies, are called by the names of different splits.

    Args:
        said: By all copies.
        words: How much alike they are.
    """
    copies = sorted(
        {(copy.split, copy.path) for copy in said if copy.split},
        key=lambda copy: (copy[0] != "train", copy),
    )
    if len({split for split, _ in copies}) < 2:
        return []
    (split, path), (held_out, elsewhere) = copies[0], next(c for c in copies if c[0] != copies[0][0])
    message = (
        f"is {words} photograph as {elsewhere}, one called {split} and one {held_out}: what is held out is never "
        f"trained on, so both are held out; delete the copy in {split}"
    )
    return [findings.warning(path, "image", "image-in-two-splits", message)]
