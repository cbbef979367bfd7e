"""OK or NG: what the instances in one image mean for the casting.

The rules, in this order:

1.  A defect instance at least `min_score` certain and at least `min_area_px` large makes the image NG.
2.  A model that knows a part class and finds no part makes the image NG, with the reason `no disk found ...`:
    an empty tray, a covered lens or a wrong picture must never pass as a good casting. The certainty asked of
    the part is fixed, so that raising `min_score` can only turn NG into OK and never the other way round.
3.  Everything else is OK.

Labels are judged by the same rules (every label has score 1), so truth and answer mean the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Verdict
from app.contracts.settings import VerdictSettings

PART_MIN_SCORE = 0.5
"""How certain the part must be to count as found."""


class Judged(Protocol):
    """What the verdict must know of an instance; contracts.prediction.Instance has it all."""

    @property
    def class_name(self) -> str:
        """Name of its class."""

    @property
    def role(self) -> Literal["part", "defect"]:
        """Whether it is the casting itself or something wrong with it."""

    @property
    def score(self) -> float:
        """Certainty, 0 to 1."""

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """x, y, width, height in pixels."""

    @property
    def area_px(self) -> int:
        """Pixels of the mask."""


def judge(
    instances: Iterable[Judged], classes: Iterable[ClassDefinition], settings: VerdictSettings
) -> Verdict:
    """Decide OK or NG for one image, with one reason per deciding instance, the most certain first.

    Args:
        instances: Everything found, unfiltered: the thresholds are applied here.
        classes: The classes that the model knows.
        settings: The thresholds.
    """
    found = sorted(instances, key=lambda instance: -instance.score)
    reasons = [_reason(instance) for instance in found if is_deciding(instance, settings)]
    parts = [definition.name for definition in classes if definition.role == "part"]
    if parts and not any(i.role == "part" and i.score >= PART_MIN_SCORE for i in found):
        reasons.append(
            f"no {' or '.join(parts)} found with score {PART_MIN_SCORE:.2f} or more: check the picture"
        )
    return Verdict(label="NG" if reasons else "OK", reasons=tuple(reasons))


def is_deciding(instance: Judged, settings: VerdictSettings) -> bool:
    """Whether this instance alone makes the image NG."""
    return (
        instance.role == "defect"
        and instance.score >= settings.min_score
        and instance.area_px >= settings.min_area_px
    )


def _reason(instance: Judged) -> str:
    """`chipping 0.93, 212 px at (120, 44)`: class, certainty, size and the centre of the box."""
    x, y, width, height = instance.bbox
    centre = f"({x + width / 2:.0f}, {y + height / 2:.0f})"
    return f"{instance.class_name} {instance.score:.2f}, {instance.area_px} px at {centre}"
