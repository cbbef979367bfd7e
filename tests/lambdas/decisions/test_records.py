"""The record of a run."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest

from app.contracts.dataset import PrepareResult, SnapshotSummary
from app.contracts.evaluation import Comparison
from app.contracts.runs import RunInput, RunRecord, Spend, StateTiming, TrainingAttempt
from lambdas.decisions import emf, records

START = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
RUN = RunInput("r1", "24 new images, quiet for 612 s", "2026-11-02T12:00:00+00:00")
SPOT = TrainingAttempt("j-1", "Completed", "ml.g5.xlarge", True, 1000, 300, 1)
LOST = TrainingAttempt("j-0", "Stopped", "ml.g5.xlarge", True, 0, 0, 0, "TrainCapacityError")


def event(kind: str, second: float, name: str) -> dict[str, Any]:
    details = "stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"
    return {"type": kind, "timestamp": START + dt.timedelta(seconds=second), details: {"name": name}}


HISTORY = [
    event("TaskStateEntered", 0, "Claim"),
    {"type": "LambdaFunctionScheduled", "timestamp": START},
    event("TaskStateExited", 1.5, "Claim"),
    event("ChoiceStateEntered", 2, "AnythingToDo"),
    event("ChoiceStateExited", 2, "AnythingToDo"),
    event("TaskStateEntered", 3, "Train"),
    event("TaskStateExited", 103, "Train"),
    event("TaskStateEntered", 104, "NextAttempt"),
    event("TaskStateExited", 105, "NextAttempt"),
    event("TaskStateEntered", 106, "Train"),
    event("TaskStateExited", 300, "Train"),
    event("TaskStateEntered", 301, "FailRun"),
]


def test_given_a_history_then_each_visit_of_a_task_has_its_seconds_and_the_open_one_lasts_until_now() -> None:
    found = records.timings(HISTORY, START + dt.timedelta(seconds=305))
    assert [(t.name, t.seconds) for t in found] == [
        ("Claim", 1.5), ("Train", 100.0), ("NextAttempt", 1.0), ("Train", 194.0), ("FailRun", 4.0)
    ]  # fmt: skip


def test_given_a_failed_run_then_the_state_before_the_closing_ones_is_named() -> None:
    assert records.failed_state(records.timings(HISTORY, START)) == "Train"
    assert records.failed_state([StateTiming("Verify", 1), StateTiming("Restore", 2)]) == "Verify"
    assert records.failed_state([]) == ""


def facts(**more: Any) -> records.Facts:
    prepared = PrepareResult("v2", "v1", True, {"train": 20}, {"disk": 20}, 22, 2, 1, (), ("supervisely",), 9.0)
    defaults: dict[str, Any] = {
        "snapshot": SnapshotSummary("r1", 48, 1000, "v1"),
        "prepared": prepared,
        "comparison": Comparison(True, ("gain in mask AP +0.05",), 0.45, 0.40, 0.01, 0.09),
        "attempts": (LOST, SPOT),
        "image_uri": "repo@sha256:1",
        "spend": Spend(1.25, 2.0, "us-east-1", "2026-01-01"),
    }
    return records.Facts(RUN, "2026-11-02T12:00:01+00:00", **(defaults | more))


def test_given_the_facts_of_a_run_then_the_record_shows_money_against_time() -> None:
    record = records.record(facts(), status="SUCCEEDED", outcome="PROMOTED", ended_at="e", endpoint="castline-dev")
    assert (record.uploads, record.accepted, record.quarantined) == (48, 22, 2)
    assert (record.version, record.parent_version, record.champion_ap) == ("v2", "v1", 0.40)
    assert record.training == (LOST, SPOT)
    assert record.detail == {
        "training_seconds": 1000, "billable_seconds": 300, "spot_savings": 0.7, "interruptions": 1
    }  # fmt: skip


def test_given_a_run_that_reached_nothing_then_the_record_still_says_why_it_failed() -> None:
    empty = records.Facts(RUN, "s")
    record = records.failed(
        records.record(empty, status="FAILED", outcome="", ended_at="e"), state="", error="States.Timeout", cause=""
    )
    assert record.cause == records.HINTS["States.Timeout"]
    assert record.detail == {}
    assert records.summary(record).startswith("States.Timeout in the beginning: it took longer")


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (RunRecord("r1", "RUNNING", "", "24 new images", "s"), "24 new images"),
        (RunRecord("r1", "SUCCEEDED", "PROMOTED", "", "s", uploads=24, mask_ap=0.4512, decision=("better",)),
         "24 uploads, mask AP 0.451, better"),
        (RunRecord("r1", "SUCCEEDED", "NOTHING_NEW", "", "s", uploads=3), "3 uploads"),
        (RunRecord("r1", "FAILED", "", "", "s", failed_state="Prepare", error="JobDataError", cause="fix cast_12.png"),
         "JobDataError in Prepare: fix cast_12.png"),
    ],
)  # fmt: skip
def test_given_a_record_then_one_line_tells_it(record: RunRecord, line: str) -> None:
    assert records.summary(record) == line


def test_given_a_failed_run_when_people_are_told_then_they_learn_the_reason_and_that_nothing_is_lost() -> None:
    record = RunRecord("r1", "FAILED", "", "", "s", failed_state="Verify", error="PublishUnfaithfulError", cause="2 ü")
    subject, text = records.notification(record, "s3://b/runs/r1/report.html")
    assert subject == "Castline run r1: FAILED"
    assert "Failed in Verify: PublishUnfaithfulError\n2 ü\nThe champion serves on" in text
    assert text.endswith("Report: s3://b/runs/r1/report.html")


def test_given_an_outrageous_run_id_when_people_are_told_then_the_subject_is_what_sns_takes() -> None:
    subject, _ = records.notification(RunRecord("ü" * 200, "FAILED", "", "", "s"), "")
    assert len(subject) == 100
    assert subject.isascii()


def test_given_a_record_then_its_metrics_are_one_line_that_cloudwatch_reads() -> None:
    record = records.record(facts(), status="SUCCEEDED", outcome="NOT_PROMOTED", ended_at="e")
    line = json.loads(emf.line("dev", emf.of_run(record, gain=0.05), 1_800_000_000_000, run_id="r1"))
    directive = line["_aws"]["CloudWatchMetrics"][0]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Castline", [["Environment"]])
    # Not evaluated here; and holding back is the gate's to tell.
    assert {m["Name"] for m in directive["Metrics"]} == set(emf.UNITS) - {"MaskAP", "HeldByBudget"}
    assert (line["RunsPromoted"], line["RunsNotPromoted"], line["RunsFailed"]) == (0.0, 1.0, 0.0)
    assert (line["BillableSeconds"], line["Gain"], line["run_id"]) == (300.0, 0.05, "r1")
    assert line["EstimatedCostUsd"] == 1.25


def test_given_a_job_of_three_machines_then_the_seconds_of_all_three_count() -> None:
    several = dataclasses.replace(SPOT, instance_count=3)
    record = records.record(facts(attempts=(several,)), status="SUCCEEDED", outcome="PROMOTED", ended_at="e")
    assert (record.detail["training_seconds"], record.detail["billable_seconds"]) == (3000, 900)
    assert record.detail["spot_savings"] == 0.7
    assert emf.of_run(record)["BillableSeconds"] == 900.0


def test_given_a_priced_run_when_people_are_told_then_they_learn_what_it_cost() -> None:
    record = records.record(facts(), status="SUCCEEDED", outcome="PROMOTED", ended_at="e")
    _, text = records.notification(record, "s3://b/r")
    assert "\nCost: 1.25 USD estimated (prices of 2026-01-01), spot saved 2.00 USD\n" in text


def test_given_a_machine_of_unknown_price_then_the_words_name_it() -> None:
    spend = Spend(0.5, 0.0, "eu-north-1", "2026-01-01", unpriced=("ml.p5.48xlarge",))
    assert spend.in_words == (
        "0.50 USD estimated (prices of 2026-01-01); without ml.p5.48xlarge, of unknown price in eu-north-1"
    )
