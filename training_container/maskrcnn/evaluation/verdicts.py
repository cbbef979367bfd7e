"""Quality of the OK/NG verdict over images; NG is the positive class."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from app.contracts.dataset import ClassDefinition
from app.contracts.evaluation import VerdictScores
from app.contracts.prediction import Instance
from app.contracts.settings import VerdictSettings
from maskrcnn.verdict import judge


@dataclasses.dataclass(frozen=True)
class Confusion:
    """How many images were called what."""

    caught: int = 0
    """NG called NG."""
    escaped: int = 0
    """NG called OK: a bad casting leaves the foundry."""
    overkilled: int = 0
    """OK called NG: a good casting is thrown away."""
    passed: int = 0
    """OK called OK."""

    @property
    def scores(self) -> VerdictScores:
        """The rates; over no images, error rates are 0 and precision and recall 1: nothing went wrong."""
        ng, ok = self.caught + self.escaped, self.overkilled + self.passed
        return VerdictScores(
            images=ng + ok,
            ng_images=ng,
            precision=_rate(self.caught, self.caught + self.overkilled, empty=1.0),
            recall=_rate(self.caught, ng, empty=1.0),
            escape_rate=_rate(self.escaped, ng, empty=0.0),
            overkill_rate=_rate(self.overkilled, ok, empty=0.0),
            accuracy=_rate(self.caught + self.passed, ng + ok, empty=0.0),
        )


def confusion(truths: Sequence[str], verdicts: Sequence[str]) -> Confusion:
    """Count the pairs of true and given label."""
    pairs = list(zip(truths, verdicts, strict=True))
    return Confusion(
        caught=pairs.count(("NG", "NG")),
        escaped=pairs.count(("NG", "OK")),
        overkilled=pairs.count(("OK", "NG")),
        passed=pairs.count(("OK", "OK")),
    )


@dataclasses.dataclass(frozen=True)
class SweepPoint:
    """The verdict at another score threshold."""

    min_score: float
    escape_rate: float
    overkill_rate: float


def sweep(
    truths: Sequence[str],
    answers: Sequence[Sequence[Instance]],
    classes: Sequence[ClassDefinition],
    min_area_px: int,
) -> list[SweepPoint]:
    """Escape and overkill for score thresholds from 0.05 to 0.95: what another threshold would cost."""
    points = []
    for step in range(1, 20):
        settings = VerdictSettings(min_score=step / 20, min_area_px=min_area_px)
        verdicts = [judge(instances, classes, settings).label for instances in answers]
        scores = confusion(truths, verdicts).scores
        points.append(SweepPoint(settings.min_score, scores.escape_rate, scores.overkill_rate))
    return points


def _rate(part: int, whole: int, *, empty: float) -> float:
    return round(part / whole, 6) if whole else empty
