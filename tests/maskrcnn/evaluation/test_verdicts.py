"""Image-level rates, from a table that a person can check."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from maskrcnn.evaluation.verdicts import Confusion, SweepPoint, confusion, sweep

from app.contracts.dataset import ClassDefinition
from app.contracts.evaluation import VerdictScores


def test_the_rates_follow_from_the_counts() -> None:
    """Given 8 bad castings (6 caught) and 4 good ones (1 called NG)."""
    counts = confusion(["NG"] * 8 + ["OK"] * 4, ["NG"] * 6 + ["OK"] * 2 + ["NG"] + ["OK"] * 3)
    assert counts == Confusion(caught=6, escaped=2, overkilled=1, passed=3)
    assert counts.scores == VerdictScores(
        images=12, ng_images=8, precision=pytest.approx(6 / 7, abs=1e-6), recall=0.75,
        escape_rate=0.25, overkill_rate=0.25, accuracy=0.75,
    )  # fmt: skip


def test_rates_over_nothing_say_that_nothing_went_wrong() -> None:
    only_good = confusion(["OK", "OK"], ["OK", "OK"]).scores
    assert (only_good.precision, only_good.recall, only_good.escape_rate, only_good.accuracy) == (1.0, 1.0, 0.0, 1.0)
    only_bad = confusion(["NG"], ["OK"]).scores
    assert (only_bad.recall, only_bad.escape_rate, only_bad.overkill_rate) == (0.0, 1.0, 0.0)


def test_the_sweep_shows_what_another_threshold_would_cost(
    rect: Callable, classes: tuple[ClassDefinition, ...]
) -> None:
    """Given a bad casting whose defect has score 0.6 and a good one with a false alarm of 0.3."""
    disk = rect("disk", 0, 0, 96, 96, score=0.99)
    answers = [
        [disk, rect("chipping", 10, 10, 10, 10, score=0.6)],
        [disk, rect("chipping", 50, 50, 10, 10, score=0.3)],
    ]
    points = {point.min_score: point for point in sweep(["NG", "OK"], answers, classes, 0)}
    assert list(points) == [step / 20 for step in range(1, 20)]
    assert points[0.3] == SweepPoint(0.3, 0.0, 1.0)
    assert points[0.35] == SweepPoint(0.35, 0.0, 0.0)
    assert points[0.6] == SweepPoint(0.6, 0.0, 0.0)
    assert points[0.65] == SweepPoint(0.65, 1.0, 0.0)
