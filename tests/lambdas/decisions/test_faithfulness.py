"""Does the endpoint answer like the evaluated model."""

from __future__ import annotations

import dataclasses

import pytest

from app.contracts.dataset import Rle
from app.contracts.prediction import Instance, Prediction, Verdict
from lambdas.decisions.faithfulness import box_iou, differences

DISK = Instance("disk", "part", 0.98, (10.0, 10.0, 400.0, 400.0), 120_000, Rle((512, 512), "x"))
HOLE = Instance("holes", "defect", 0.80, (100.0, 100.0, 20.0, 20.0), 300, Rle((512, 512), "x"))


def prediction(*instances: Instance, label: str = "NG") -> Prediction:
    return Prediction(512, 512, instances, Verdict(label, ()), "r1", 5.0)  # type: ignore[arg-type]


GOLDEN = prediction(DISK, HOLE)


def changed(**values: object) -> Instance:
    return dataclasses.replace(HOLE, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        GOLDEN,
        prediction(HOLE, DISK),
        prediction(DISK, changed(score=0.84, bbox=(100.4, 100.0, 20.0, 20.0))),
        prediction(DISK, HOLE, changed(score=0.54, bbox=(300.0, 300.0, 9.0, 9.0))),  # may lie below on one side
    ],
)
def test_given_a_faithful_answer_when_compared_then_nothing_differs(answer: Prediction) -> None:
    assert differences("a.jpg", GOLDEN, answer, 0.5) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (prediction(DISK), "holes 0.80 at (100, 100, 20 x 20) is missing"),
        (prediction(DISK, changed(score=0.86)), "is missing"),
        (prediction(DISK, changed(bbox=(103.0, 100.0, 20.0, 20.0))), "is missing"),
        (prediction(DISK, changed(class_name="chipping")), "is missing"),
        (prediction(DISK, HOLE, changed(bbox=(200.0, 100.0, 20.0, 20.0))), "is not the evaluated model's"),
        (prediction(DISK, HOLE, HOLE), "is not the evaluated model's"),
        (prediction(DISK, HOLE, label="OK"), "a.jpg: verdict OK instead of NG"),
    ],
)
def test_given_an_unfaithful_answer_when_compared_then_the_difference_is_told(answer: Prediction, words: str) -> None:
    assert any(words in text for text in differences("a.jpg", GOLDEN, answer, 0.5))


def test_given_a_golden_instance_at_the_threshold_when_it_is_missing_then_it_may_have_fallen_below() -> None:
    borderline = changed(score=0.53, bbox=(300.0, 300.0, 9.0, 9.0))
    assert differences("a.jpg", prediction(DISK, HOLE, borderline), GOLDEN, 0.5) == []


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ((0.0, 0.0, 2.0, 2.0), (1.0, 0.0, 2.0, 2.0), 1 / 3),
        ((0.0, 0.0, 2.0, 2.0), (2.0, 0.0, 2.0, 2.0), 0.0),
        ((0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), 0.0),
        ((5.0, 5.0, 2.0, 3.0), (5.0, 5.0, 2.0, 3.0), 1.0),
    ],
)
def test_given_two_boxes_then_their_overlap_is_known(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], iou: float
) -> None:
    assert box_iou(a, b) == pytest.approx(iou)
