"""findings.html: every finding with a picture of what it means, grouped by rule; one self-contained page."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from app.contracts.dataset import Finding, LabelRecord
from maskrcnn import pages
from maskrcnn.data import outlines, sheet_pictures
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import FORMATS, MAX_PIXELS, canonical
from maskrcnn.data.intake import Intake
from maskrcnn.data.outlines import Outline
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.sheet_pictures import Picture
from maskrcnn.data.tree import UploadTree

TEMPLATE = "sheet.html.j2"
PICTURES_A_RULE = 60
ROWS_A_RULE = 500
_JPEG_QUALITY = 72


@dataclasses.dataclass(frozen=True)
class Card:
    """One finding on the page; pictures are data: URIs."""

    finding: Finding
    pictures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Section:
    """One rule: its first findings with pictures, some more as rows, and how many are only in the tables."""

    rule: str
    severity: str
    count: int
    cards: tuple[Card, ...]
    rows: tuple[Finding, ...]

    @property
    def left_out(self) -> int:
        """How many findings are neither card nor row."""
        return self.count - len(self.cards) - len(self.rows)


def render(
    title: str,
    found: Sequence[Finding],
    tree: UploadTree,
    intake: Intake,
    label_of: Callable[[str], LabelRecord | None],
) -> str:
    """Draw the page; images are in memory one or two at a time.

    Args:
        title: What was looked at.
        found: All findings.
        tree: The uploads.
        intake: What came of them.
        label_of: Label hash -> record; None where another host has it.
    """
    groups = by_rule(found)
    drawn = {finding.file for group in groups.values() for finding in group[:PICTURES_A_RULE]}
    artist = _Artist(tree, intake, label_of, drawn)
    sections = [_section(rule, group, artist) for rule, group in groups.items()]
    return pages.environment(Path(__file__).parent).get_template(TEMPLATE).render(
        title=title,
        sections=sections,
        errors=sum(f.severity == "error" for f in found),
        warnings=sum(f.severity == "warning" for f in found),
        accepted=len(intake.accepted),
        rejected=len(intake.rejected),
        formats=intake.formats,
    )


def by_rule(found: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    """Findings by rule: errors before warnings, frequent rules first; within a rule as they came."""
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.rule, []).append(finding)
    return dict(sorted(groups.items(), key=lambda item: (item[1][0].severity, -len(item[1]), item[0])))


def _section(rule: str, group: Sequence[Finding], artist: _Artist) -> Section:
    cards = tuple(Card(finding, artist.pictures(finding)) for finding in group[:PICTURES_A_RULE])
    rows = tuple(group[PICTURES_A_RULE : PICTURES_A_RULE + ROWS_A_RULE])
    return Section(rule, group[0].severity, len(group), cards, rows)


class _Artist:
    """Finds image and outlines of a finding, and draws them."""

    def __init__(
        self, tree: UploadTree, intake: Intake, label_of: Callable[[str], LabelRecord | None], drawn: Collection[str]
    ) -> None:
        self._tree, self._intake, self._label_of = tree, intake, label_of
        self._copies: dict[str, str] = {}
        for pair in intake.near:
            one, other = (intake.accepted[sha].path if sha in intake.accepted else "" for sha in pair)
            self._copies |= {one: other, other: one}
        wanted = {*drawn, *(self._copies.get(path, "") for path in drawn)}
        self._accepted = {item.path: item for item in intake.accepted.values() if item.path in wanted}
        self._image = functools.lru_cache(2)(self._decode)

    def pictures(self, finding: Finding) -> tuple[str, ...]:
        """One picture; of near-copies both, side by side; none where there is nothing to see."""
        paths = [finding.file]
        if finding.rule in ("near-duplicate", "image-in-two-splits") and self._copies.get(finding.file):
            paths.append(self._copies[finding.file])
        drawn = (self._draw(path, finding) for path in paths)
        return tuple(pages.jpeg_uri(picture, _JPEG_QUALITY) for picture in drawn if picture is not None)

    def _draw(self, path: str, finding: Finding) -> Picture | None:
        image = self._image(path)
        if image is None:
            return None
        number = outlines.number_of(finding.object)
        known = self._outlines(path)
        meant = [outline for outline in known if outline.number == number]
        about_all = finding.object in ("annotation", "tags")
        return sheet_pictures.draw(image, meant, known if about_all else [o for o in known if o.number != number])

    def _outlines(self, path: str) -> Sequence[Outline]:
        """All objects of an accepted image, the objects with findings of a rejected one."""
        item = self._accepted.get(path)
        record = self._label_of(item.label_sha256) if item else None
        if record is None:
            return self._intake.outlines.get(path, ())
        return [o for n, instance in enumerate(record.instances, 1) for o in outlines.of_instance(n, instance)]

    def _decode(self, path: str) -> Picture | None:
        """RGB pixels as the label means them; None for what is no photograph, or cannot be opened."""
        if path not in self._tree or not is_image_name(path):
            return None
        item = self._accepted.get(path)
        body = self._tree.read(path)
        with contextlib.suppress(BadItemError):  # the first of several pictures can be shown all the same
            body = canonical(body, (item.width, item.height) if item else None).body
        return _opened(body)


def _opened(body: bytes) -> Picture | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is checked below
            picture = Image.open(io.BytesIO(body), formats=[*FORMATS, "GIF"])
        with picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
