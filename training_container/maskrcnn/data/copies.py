"""The same photograph again: exactly or nearly, in this upload or an earlier version, and in two splits at once."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterable

from app.contracts.dataset import Finding, Member
from maskrcnn.data import findings, similarity
from maskrcnn.data.intake import Accepted, Intake

_THUMBNAILS_KEPT = 4096  # 64 MB


def compare(intake: Intake, known_members: Iterable[Member], image_of: Callable[[str, str], bytes]) -> None:
    """Note near-duplicates in the intake, so that they stay in one split, and say what is in two splits.

    Args:
        intake: The uploads; gets `near` and findings.
        known_members: Of the committed version and before; their images are compared too, by their fingerprints.
            Iterated twice: there may be millions, and only those that have a copy are kept.
        image_of: Image hash and extension -> the canonical bytes, of either side.
    """
    fresh = set(intake.accepted)
    codes, extensions = dict[str, str](), dict[str, str]()
    everyone: Iterable[Member | Accepted] = itertools.chain(known_members, intake.accepted.values())
    for item in everyone:
        if isinstance(item, Member):
            fresh.discard(item.image_sha256)
        codes[item.image_sha256] = item.fingerprint
        extensions[item.image_sha256] = sys.intern(item.image_extension)

    @functools.lru_cache(_THUMBNAILS_KEPT)
    def thumbnail_of(sha256: str) -> similarity.Thumbnail:
        return similarity.thumbnail(image_of(sha256, extensions[sha256]))

    intake.near = similarity.near_duplicates(codes, fresh, thumbnail_of)
    paired = set(itertools.chain.from_iterable(intake.near))
    known: dict[str, Member | Accepted] = {m.image_sha256: m for m in known_members if m.image_sha256 in paired}
    known.update(intake.accepted)
    for sha256 in sorted(intake.accepted):
        intake.findings.extend(_in_two_splits(intake, sha256, sha256))
    said = []
    for pair in intake.near:
        # the finding is about an upload: a member of an earlier version is only named
        other, one = sorted(pair, key=lambda sha: (sha in fresh, _name(known[sha])))
        said.extend(_in_two_splits(intake, one, other) or [_near(known[one], known[other])])
    intake.findings.extend(sorted(said, key=lambda finding: finding.message))


def _name(item: Member | Accepted) -> str:
    return item.path if isinstance(item, Accepted) else f"{item.file_name} of an earlier version"


def _near(item: Member | Accepted, other: Member | Accepted) -> Finding:
    return findings.warning(
        _name(item),
        "image",
        "near-duplicate",
        f"is nearly the same photograph as {_name(other)}: both stay in one split; delete one if it is a copy",
    )


def _in_two_splits(intake: Intake, one: str, other: str) -> list[Finding]:
    """Says so when copies, or near-copies, are called by the names of different splits."""
    copies = sorted(
        {(said.split, said.path) for sha in (one, other) for said in intake.said.get(sha, ()) if said.split},
        key=lambda copy: (copy[0] != "train", copy),
    )
    if len({split for split, _ in copies}) < 2:
        return []
    (split, path), (held_out, elsewhere) = copies[0], next(c for c in copies if c[0] != copies[0][0])
    words = "the same" if one == other else "nearly the same"
    message = (
        f"is {words} photograph as {elsewhere}, one called {split} and one {held_out}: what is held out is never "
        f"trained on, so both are held out; delete the copy in {split}"
    )
    return [findings.warning(path, "image", "image-in-two-splits", message)]
