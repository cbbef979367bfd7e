"""Every test image on one page of bounded size: the worst large, the next small, the rest by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from app.contracts.dataset import ClassDefinition
from app.contracts.settings import VerdictSettings
from maskrcnn import pages
from maskrcnn.evaluation import pictures
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.pictures import Shown
from maskrcnn.evaluation.truth import LabelledImage

LARGE, SMALL = 24, 240
"""How many pictures of each kind: about 200 and 35 kB each, so the page stays below some 15 MB."""
SMALL_QUALITY = 72


@dataclasses.dataclass(frozen=True)
class Example:
    """One picture of the report."""

    shown: Shown
    data_uri: str


@dataclasses.dataclass(frozen=True)
class Gallery:
    """All images of a test set, the worst first."""

    large: tuple[Example, ...]
    small: tuple[Example, ...]
    named: tuple[Shown, ...]


def of(
    images: Sequence[LabelledImage],
    run: ModelRun,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> Gallery:
    """Draw what has room."""
    ranked = pictures.ranked(images, run)
    large = tuple(
        Example(shown, pages.jpeg_uri(pictures.side_by_side(images[shown.position], run, shown.position, classes,
                                                            settings)))
        for shown in ranked[:LARGE])
    small = tuple(
        Example(shown, pages.jpeg_uri(pictures.small(images[shown.position], run, shown.position, classes, settings),
                                      SMALL_QUALITY))
        for shown in ranked[LARGE : LARGE + SMALL])
    return Gallery(large, small, tuple(ranked[LARGE + SMALL :]))
