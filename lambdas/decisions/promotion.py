"""Whether the challenger replaces the champion."""

from __future__ import annotations

from app.contracts.evaluation import Comparison, EvaluationResult, ModelScores
from app.contracts.settings import PromotionSettings


def decide(settings: PromotionSettings, result: EvaluationResult) -> Comparison:
    """Compare two models on the same frozen test images, and say why.

    The first model needs the absolute floor only. A later one must beat the champion by more than noise: the
    lower end of the bootstrap interval of the gain counts, not its mean. No class may fall below its recall floor.
    """
    challenger, gain = result.challenger, result.gain
    against = [*_floor(settings, challenger), *_recalls(settings, challenger)]
    if result.champion is None:
        favour = [f"first model: mask AP50 {challenger.mask.ap50:.3f} on {result.test_images} test images"]
    elif gain is None:
        favour = []
        against.append("no gain over the champion was measured: the evaluation is incomplete")
    else:
        measured = f"gain in mask AP {gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        enough = gain.low > settings.min_gain
        favour = [f"{measured} over {result.champion.run_id}"] if enough else []
        if not enough:
            against.append(f"{measured}: the lower end must be above {settings.min_gain:+.3f}")
    return Comparison(
        promote=not against,
        reasons=tuple(against or favour),
        challenger_ap=challenger.mask.ap,
        champion_ap=result.champion.mask.ap if result.champion else None,
        gain_low=gain.low if gain else None,
        gain_high=gain.high if gain else None,
    )


def _floor(settings: PromotionSettings, challenger: ModelScores) -> list[str]:
    if challenger.mask.ap50 >= settings.min_mask_ap50:
        return []
    return [f"mask AP50 {challenger.mask.ap50:.3f} is below the floor of {settings.min_mask_ap50:.3f}"]


def _recalls(settings: PromotionSettings, challenger: ModelScores) -> list[str]:
    floor = settings.min_recall_per_class
    return [
        f"{scores.name}: recall {scores.recall50:.3f} is below the floor of {floor:.3f}"
        for scores in challenger.classes
        if scores.instances >= settings.min_recall_instances and scores.recall50 < floor
    ]
