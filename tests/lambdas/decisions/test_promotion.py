"""Promote or not."""

from __future__ import annotations

import pytest

from app.contracts.evaluation import ClassScores, EvaluationResult, Gain
from app.contracts.settings import PromotionSettings
from lambdas.decisions.promotion import decide
from tests.lambdas.builders import OLD_RUN_ID, evaluation, scores


def chipping(recall: float, instances: int) -> ClassScores:
    return ClassScores("chipping", instances, 0.3, 0.5, 0.3, recall)


SETTINGS = PromotionSettings(min_mask_ap50=0.2, min_gain=0.01, min_recall_per_class=0.4, min_recall_instances=10)


@pytest.mark.parametrize(
    ("evaluated", "promote", "word"),
    [
        (evaluation(0.20), True, "first model"),
        (evaluation(0.19), False, "below the floor of 0.200"),
        (
            evaluation(0.6, Gain(0.05, 0.011, 0.09, 1000)),
            True,
            "gain in mask AP +0.050 (+0.011 to +0.090) over " + OLD_RUN_ID,
        ),
        (evaluation(0.6, Gain(0.05, 0.010, 0.09, 1000)), False, "the lower end must be above +0.010"),
        (evaluation(0.1, Gain(0.05, 0.040, 0.09, 1000)), False, "below the floor"),
        (evaluation(0.6, classes=(chipping(0.39, 10),)), False, "chipping: recall 0.390 is below the floor of 0.400"),
        (evaluation(0.6, classes=(chipping(0.40, 10),)), True, "first model"),
        (evaluation(0.6, classes=(chipping(0.0, 9),)), True, "first model"),
    ],
)
def test_given_an_evaluation_when_decided_then_only_what_is_better_beyond_noise_is_promoted(
    evaluated: EvaluationResult, promote: bool, word: str
) -> None:
    comparison = decide(SETTINGS, evaluated)
    assert comparison.promote is promote
    assert any(word in reason for reason in comparison.reasons)


def test_given_several_reasons_against_when_decided_then_all_are_told() -> None:
    evaluated = evaluation(0.1, Gain(-0.1, -0.2, 0.0, 1000), (chipping(0.1, 20),))
    comparison = decide(SETTINGS, evaluated)
    assert len(comparison.reasons) == 3
    assert (comparison.champion_ap, comparison.gain_low, comparison.gain_high) == (0.25, -0.2, 0.0)


def test_given_a_champion_but_no_gain_when_decided_then_nothing_is_promoted() -> None:
    evaluated = EvaluationResult("new", "v1", 9, scores("new", 0.9), scores(OLD_RUN_ID, 0.5), None)
    assert not decide(SETTINGS, evaluated).promote
