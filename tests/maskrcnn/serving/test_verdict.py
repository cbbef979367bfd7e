"""OK or NG: which instances decide, and why the reasons read as they do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.verdict import judge

from app.contracts.dataset import ClassDefinition, Rle
from app.contracts.prediction import Instance
from app.contracts.settings import VerdictSettings

CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "chipping", "defect"))
DISK = Instance("disk", "part", 0.99, (0, 0, 100, 100), 7854, Rle((100, 100), ""))


def chipping(score: float = 0.93, area_px: int = 212) -> Instance:
    return Instance("chipping", "defect", score, (110, 40, 20, 8), area_px, Rle((100, 100), ""))


def test_a_part_without_defects_is_ok_without_reasons() -> None:
    verdict = judge([DISK], CLASSES, VerdictSettings())
    assert (verdict.label, verdict.reasons) == ("OK", ())


def test_a_certain_defect_is_ng_and_the_reason_names_class_score_size_and_centre() -> None:
    verdict = judge([DISK, chipping()], CLASSES, VerdictSettings())
    assert verdict.label == "NG"
    assert verdict.reasons == ("chipping 0.93, 212 px at (120, 44)",)


@pytest.mark.parametrize(
    ("score", "area_px", "label"),
    [(0.50, 20, "NG"), (0.4999, 20, "OK"), (0.50, 19, "OK"), (0.9, 500, "NG"), (0.1, 500, "OK")],
)
def test_a_defect_decides_from_both_thresholds_on(score: float, area_px: int, label: str) -> None:
    settings = VerdictSettings(min_score=0.5, min_area_px=20)
    assert judge([DISK, chipping(score, area_px)], CLASSES, settings).label == label


def test_the_most_certain_defect_is_named_first() -> None:
    reasons = judge([chipping(0.6), DISK, chipping(0.9)], CLASSES, VerdictSettings()).reasons
    assert [reason[:13] for reason in reasons] == ["chipping 0.90", "chipping 0.60"]


def test_a_picture_without_the_part_is_ng_because_an_empty_tray_is_no_good_casting() -> None:
    verdict = judge([], CLASSES, VerdictSettings())
    assert verdict.label == "NG"
    assert verdict.reasons == ("no disk found with score 0.50 or more: check the picture",)


def test_a_model_that_knows_no_part_class_does_not_ask_for_one() -> None:
    assert judge([], CLASSES[1:], VerdictSettings()).label == "OK"


@given(
    scores=st.lists(st.floats(0, 1), max_size=4),
    part=st.floats(0, 1),
    thresholds=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
)
def test_raising_the_threshold_never_turns_ok_into_ng(
    scores: list[float], part: float, thresholds: list[float]
) -> None:
    found = [chipping(score) for score in scores]
    found.append(Instance("disk", "part", part, (0, 0, 9, 9), 81, Rle((9, 9), "")))
    low, high = (judge(found, CLASSES, VerdictSettings(min_score=t)).label for t in thresholds)
    assert (low, high) != ("OK", "NG")
