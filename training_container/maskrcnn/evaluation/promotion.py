"""The promotion rules as a table for the reader of the report; the compare step decides by the same."""

from __future__ import annotations

import dataclasses

from app.contracts.evaluation import EvaluationResult
from app.contracts.settings import PromotionSettings


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule, what it asks, what was measured, whether that is enough, and the sentence to say if not."""

    name: str
    asked: str
    measured: str
    met: bool
    shortfall: str


def rules(result: EvaluationResult, settings: PromotionSettings) -> list[Rule]:
    """Every rule that this evaluation is held to."""
    floor = settings.min_mask_ap50
    checked = [
        Rule(
            "Good enough at all",
            f"mask AP at IoU 0.5 of {floor:.1%} or more",
            _share(result.challenger.mask.ap50),
            result.challenger.mask.ap50 >= floor,
            f"Too weak to be published: mask AP at IoU 0.5 is {_share(result.challenger.mask.ap50)}.",
        )
    ]
    if result.gain:
        checked.append(
            Rule(
                "Better beyond noise",
                f"{settings.confidence:.0%} interval of the gain wholly above {settings.min_gain * 100:+.1f} points",
                f"{result.gain.low * 100:+.1f} to {result.gain.high * 100:+.1f} points",
                result.gain.low > settings.min_gain,
                "Not better than the serving model beyond noise.",
            )
        )
    if settings.min_recall_per_class > 0:
        checked += [
            Rule(
                f"No class forgotten: {scores.name}",
                f"recall of {settings.min_recall_per_class:.0%} or more",
                _share(scores.recall50),
                scores.recall50 >= settings.min_recall_per_class,
                f"Finds too little of one class: {scores.name}, recall {_share(scores.recall50)}.",
            )
            for scores in result.challenger.classes
            if scores.instances >= settings.min_recall_instances
        ]
    return checked


def headline(result: EvaluationResult, settings: PromotionSettings) -> tuple[bool, str]:
    """Whether every rule is met, and a sentence: the first shortfall, or what was reached."""
    missed = [rule for rule in rules(result, settings) if not rule.met]
    if missed:
        return False, missed[0].shortfall
    if result.champion is None:
        return True, "First model: good enough to be published."
    return True, "Better than the serving model, beyond noise."


def _share(value: float) -> str:
    return "not measured" if value < 0 else f"{value:.1%}"
