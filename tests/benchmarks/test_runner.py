"""Rows in processes of their own, measured in turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import runner, worker
from benchmarks.runner import Measured, Row, compare


def row(name: str, **spec) -> Row:
    return Row(name, "counting_worker", spec, environment={"PYTHONPATH": f".:{Path(__file__).parent}"})


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    monkeypatch.setattr(runner, "_busy_seconds", lambda: 0.0)


def test_samples_follow_the_first_one_and_the_warm_ups():
    taken = 1 + worker.WARM_UPS
    (item,) = compare([row("a", unit=1.0)], [], at_once=1, rounds=3)
    assert item.measured.seconds == (taken + 1, taken + 2, taken + 3)
    assert item.measured.median == taken + 2
    assert item.measured.quartiles == (taken + 1.5, taken + 2.5)
    assert item.measured.figures["threads"] == runner.THREADS
    assert item.measured.peak_rss_mb > 1
    assert not item.measured.disturbed


def test_every_session_has_the_leads_and_ratios_stay_within_it():
    compared = compare([row("twice", unit=2.0), row("thrice", unit=3.0)], [row("lead", unit=1.0)], at_once=1, rounds=2)
    assert [item.measured.name for item in compared] == ["lead", "twice", "thrice"]
    assert [item.time_ratio("lead") for item in compared] == [1.0, 2.0, 3.0]
    assert compared[1].leads["lead"] is not compared[2].leads["lead"]


def test_a_row_that_cannot_run_here_says_why_and_others_do_run():
    absent = Row("absent", "nothing", {}, unavailable="does not import here")
    compared = compare([absent, row("a", unit=1.0)], [], at_once=2, rounds=1)
    assert compared[0].measured == Measured("absent", unavailable="does not import here")
    assert compared[1].measured.seconds


def test_a_process_that_fails_is_named_with_its_command():
    with pytest.raises(RuntimeError, match=r"bad: its process ended with 1: run it by itself: .* -m counting_worker"):
        compare([row("bad", fails=True)], [], at_once=1, rounds=1)


def test_disturbed_samples_are_taken_again_and_left_out(monkeypatch):
    busy = iter([0.0, 1000.0] + [1000.0] * 20)  # other work during the first sample only
    monkeypatch.setattr(runner, "_busy_seconds", lambda: next(busy))
    first = 1 + worker.WARM_UPS + 1
    (item,) = compare([row("a", unit=1.0)], [], at_once=1, rounds=2)
    assert item.measured.seconds == (first + 1, first + 2)
    assert not item.measured.disturbed
