"""What people see: pure functions."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from app.cli import rendering
from app.contracts.runs import JobSpend, RunRecord, Spend, StateTiming, TrainingAttempt

STARTED, ENDED = "2026-11-21T07:05:00+00:00", "2026-11-21T08:45:10+00:00"
RUN = RunRecord("20261121-070500-abcdef", "SUCCEEDED", "NOT_PROMOTED", "40 new images", STARTED, ENDED, uploads=81,
                accepted=40, quarantined=2, version="3f2a", mask_ap=0.512, box_ap=0.61, champion_ap=0.48,
                verdict_accuracy=0.944, decision=("gain -0.1 to 2.0: within noise",),
                states=(StateTiming("Claim", 1.2), StateTiming("Train", 4100)),
                training=(TrainingAttempt("t-1", "Failed", "ml.g5.xlarge", True, 1200, 300, 2, "TrainCapacityError"),
                          TrainingAttempt("t-2", "Completed", "ml.g6.xlarge", False, 60, 60, 0)))


def printed(table, width=80):
    """The table as it stands in a terminal."""
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


@pytest.mark.parametrize(("seconds", "words"), [
    (0, "0 s"), (8.4, "8 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (3599.6, "1 h 00 min")])
def test_durations(seconds, words):
    assert rendering.duration(seconds) == words


@pytest.mark.parametrize(("value", "words"), [(None, "-"), (-1.0, "-"), (0.0, "0.0"), (0.5123, "51.2"), (1.0, "100.0")])
def test_shares(value, words):
    assert rendering.share(value) == words


def test_moments_are_utc_wherever_they_come_from():
    assert rendering.moment("2026-11-21T08:05:30+01:00") == "2026-11-21 07:05 UTC"


@pytest.mark.parametrize(("status", "outcome", "error", "words"), [
    ("RUNNING", "", "", "[cyan]running[/]"),
    ("SUCCEEDED", "PROMOTED", "", "[green]promoted[/]"),
    ("SUCCEEDED", "NOT_PROMOTED", "", "[yellow]not promoted[/]"),
    ("SUCCEEDED", "NOTHING_NEW", "", "nothing new"),
    ("SUCCEEDED", "", "", "succeeded"),
    ("FAILED", "", "JobDataError", "[red]failed[/] JobDataError"),
    ("ABORTED", "", "", "[red]aborted[/]"),
])
def test_results_in_a_word_or_two(status, outcome, error, words):
    record = dataclasses.replace(RUN, status=status, outcome=outcome, error=error)

    assert rendering.result(record) == words


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_of_runs_fits_the_terminal_and_cuts_nothing(width):
    failed = dataclasses.replace(RUN, status="FAILED", error="PublishUnfaithfulError", uploads=12_345)
    text = printed(rendering.runs_table([RUN, failed], None, datetime.now(UTC)), width)

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "1 h 40 min" in text
    assert "12345" in text


def test_a_run_that_goes_on_took_until_now():
    running = dataclasses.replace(RUN, status="RUNNING", ended_at=None)

    assert "4 min 30 s" in printed(rendering.runs_table([running], None, datetime(2026, 11, 21, 7, 9, 30, tzinfo=UTC)))


def test_the_summary_of_a_run_tells_quality_cost_and_decision():
    text = " ".join(printed(rendering.run_summary(RUN), 200).split())

    for fact in ("81 files: 40 images used, 2 in quarantine", "51.2, the champion's 48.0 (box AP 61.0)",
                 "94.4 % of the test images judged right",
                 "ml.g5.xlarge spot, 20 min 00 s, billed 5 min 00 s, interrupted 2 times: TrainCapacityError",
                 "ml.g6.xlarge on demand, 1 min 00 s, billed 1 min 00 s Decision",
                 "gain -0.1 to 2.0: within noise", "Claim 1 s, Train 1 h 08 min"):
        assert fact in text
    assert "Failed in" not in text


def test_the_summary_of_a_run_tells_what_each_job_cost():
    spend = Spend(3.05, 7.0, "us-east-1", "2026-01-01", (
        JobSpend("r-prepare-1", "ml.m5.xlarge", 2, False, 90, 90, 0.05),
        JobSpend("r-train-1", "ml.g5.xlarge", 1, True, 1000, 300, 3.0),
        JobSpend("r-evaluate-1", "ml.new.xlarge", 1, False, 60, 60, None)), ("ml.new.xlarge",))

    text = " ".join(printed(rendering.run_summary(dataclasses.replace(RUN, spend=spend)), 200).split())

    assert ("Cost 3.05 USD estimated (prices of 2026-01-01), spot saved 7.00 USD; without ml.new.xlarge, of unknown "
            "price in us-east-1 "
            "0.05 USD r-prepare-1: 2 x ml.m5.xlarge, billed 1 min 30 s "
            "3.00 USD r-train-1: 1 x ml.g5.xlarge spot, billed 5 min 00 s "
            "price unknown r-evaluate-1: 1 x ml.new.xlarge, billed 1 min 00 s Decision") in text


def test_facts_without_a_value_are_left_out():
    assert printed(rendering.facts_table([("Console", ""), ("Bucket", "castings")])).split() == ["Bucket", "castings"]
