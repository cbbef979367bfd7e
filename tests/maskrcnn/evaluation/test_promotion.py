"""The table in the report never contradicts the pipeline's decision."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.evaluation.promotion import headline, rules

from app.contracts.evaluation import AveragePrecision, ClassScores, EvaluationResult, Gain, ModelScores, VerdictScores
from app.contracts.settings import PromotionSettings
from lambdas.decisions.promotion import decide

share = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0])


def result(ap50: float, gain: Gain | None, recalls: list[tuple[int, float]]) -> EvaluationResult:
    ap = AveragePrecision(ap50 / 2, ap50, ap50 / 2, -1, -1, -1)
    classes = tuple(ClassScores(f"class {i}", n, 0.5, 0.5, 0.5, recall) for i, (n, recall) in enumerate(recalls))
    scores = ModelScores("run-2", ap, ap, classes, VerdictScores(1, 1, 1, 1, 0, 0, 1), 10.0)
    return EvaluationResult("run-2", "v", 10, scores, scores if gain else None, gain)


@given(
    ap50=share,
    low=st.none() | st.sampled_from([-0.1, 0.0, 0.01, 0.2]),
    recalls=st.lists(st.tuples(st.sampled_from([1, 9, 10, 50]), share), max_size=3),
    floor=share,
    recall_floor=share,
    min_gain=st.sampled_from([0.0, 0.01, 0.1]),
)
def test_every_rule_met_means_promoted_and_the_reverse(
    ap50: float, low: float | None, recalls: list[tuple[int, float]], floor: float, recall_floor: float, min_gain: float
) -> None:
    gain = None if low is None else Gain(low + 0.05, low, low + 0.1, 1000)
    settings = PromotionSettings(min_mask_ap50=floor, min_gain=min_gain, min_recall_per_class=recall_floor)
    evaluated = result(ap50, gain, recalls)
    promoted = decide(settings, evaluated).promote
    assert all(rule.met for rule in rules(evaluated, settings)) == promoted
    assert headline(evaluated, settings)[0] == promoted


def test_the_headline_says_which_rule_is_missed() -> None:
    evaluated = result(0.5, Gain(0.01, -0.02, 0.04, 1000), [])
    assert headline(evaluated, PromotionSettings()) == (
        False,
        "Not better than the serving model beyond noise.",
    )
    assert headline(result(0.5, None, []), PromotionSettings())[1] == "First model: good enough to be published."


def test_a_rule_shows_what_it_asks_and_what_was_measured() -> None:
    shown = rules(result(0.5, Gain(0.05, 0.021, 0.084, 1000), [(10, 0.8)]), PromotionSettings(min_recall_per_class=0.3))
    assert [(rule.measured, rule.met) for rule in shown] == [
        ("50.0%", True), ("+2.1 to +8.4 points", True), ("80.0%", True),
    ]  # fmt: skip
    assert shown[1].asked == "95% interval of the gain wholly above +0.0 points"
