"""approve and reject, and how a model that waits for a person is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

FIRST, SECOND = "20261121-070000-aaaaaa", "20261121-080000-bbbbbb"
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ENTERED = {"id": 1, "type": "TaskStateEntered", "timestamp": BEGAN, "stateEnteredEventDetails": {"name": "Register"}}
EXITED = {"id": 2, "type": "TaskStateExited", "timestamp": BEGAN + timedelta(seconds=60),
          "stateExitedEventDetails": {"name": "Register"}}


@pytest.fixture
def asking(cloud, record, monkeypatch):
    """A run whose model waits."""
    monkeypatch.setattr("app.client.signature.signature", lambda: "anna@line3")
    cloud.run(record(FIRST))
    cloud.run(record(SECOND, status="RUNNING", outcome=""))
    cloud.asks(SECOND)
    return cloud


def package(cloud):
    [found] = cloud.sagemaker.packages.values()
    return found["ModelApprovalStatus"], found.get("ApprovalDescription")


@pytest.mark.parametrize("asked", [(), ("bbbbbb",)])
def test_approving_says_so_in_the_registry_with_the_name_of_who_did(app, asking, asked):
    result = app("approve", *asked)

    assert result.exit_code == 0, result.stderr
    assert package(asking) == ("Approved", "approved by anna@line3")
    assert result.stdout == f"The model of run {SECOND} is approved. What comes of it: python -m app watch {SECOND}\n"


def test_rejecting_keeps_the_reason(app, asking):
    said = json.loads(app("reject", "--reason", "misses chipping", "--json").stdout)

    assert package(asking) == ("Rejected", "rejected by anna@line3: misses chipping")
    assert (said["run_id"], said["decision"]) == (SECOND, "Rejected")


def test_rejecting_needs_a_reason(app, asking):
    result = app("reject")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: say why, for those who read the record: --reason")
    assert package(asking)[0] == "PendingManualApproval"


@pytest.mark.parametrize(("first", "second", "words"), [
    (("approve",), ("approve", SECOND), "was approved already (approved by anna@line3): if it serves and should not"),
    (("approve",), ("reject", SECOND, "--reason", "no"), "was approved already (approved by anna@line3): if it serves"),
    (("reject", "--reason", "no"), ("approve", SECOND), "was rejected already (rejected by anna@line3: no): a new"),
    (("approve",), ("approve",), "no model waits for an approval: python -m app status")])
def test_a_decision_is_made_once(app, asking, first, second, words):
    assert app(*first).exit_code == 0
    decided = package(asking)

    result = app(*second)

    assert result.exit_code == 1
    assert words in result.stderr
    assert package(asking) == decided


def test_a_run_that_does_not_wait_takes_no_decision(app, asking, record):
    assert app("approve", FIRST).stderr == (
        f"Error: run {FIRST} does not wait for an approval: it is over (succeeded) and has registered no model: "
        f"python -m app show {FIRST}\n")
    asking.package(FIRST, status="Approved")
    assert f"the model of run {FIRST} was approved already without a person" in app("approve", FIRST).stderr


def test_a_run_that_died_while_it_waited_takes_no_decision(app, cloud, record):
    cloud.run(record(SECOND, status="ABORTED", outcome=""))
    cloud.asks(SECOND)
    cloud.lock(FIRST)

    assert f"run {SECOND} does not wait any more: it ended before anybody decided" in app("approve", SECOND).stderr


def test_status_shows_what_waits_with_the_figures_the_report_and_the_deadline(app, asking):
    shown = " ".join(app("status").stdout.split())

    assert f"Waits for you approve or reject the model of run {SECOND} until 2026-12-05 07:00 UTC, then it is" in shown
    assert "mask AP 52.0, the champion's 45.0" in shown
    assert "gain 0.070 (0.020 to 0.120)" in shown
    assert f"s3://castings/runs/{SECOND}/evaluation/report.html: python -m app report {SECOND} --open" in shown
    said = json.loads(app("status", "--json").stdout)
    assert (said["approval"]["run_id"], said["approval"]["champion_ap"]) == (SECOND, 0.45)
    assert said["approval_until"] == "2026-12-05T07:00:00+00:00"


def test_watch_shows_the_question_once_and_goes_on(app, asking, record):
    asking.states.looks[SECOND] = [([ENTERED], "RUNNING"), ([ENTERED], "RUNNING"), ([ENTERED, EXITED], "SUCCEEDED")]
    asking.put(f"runs/{SECOND}/run.json", record(SECOND))

    lines = app("watch", SECOND).stdout.splitlines()

    assert lines[1:7] == [
        "  begun Register",
        "  waits for your word: its model was better",
        "        mask AP 52.0, the champion's 45.0",
        "        gain 0.070 (0.020 to 0.120)",
        f"        report: s3://castings/runs/{SECOND}/evaluation/report.html: python -m app report {SECOND} --open",
        "        python -m app approve, or python -m app reject --reason ..., from another terminal or later"]
    assert ["done", "Register", "1", "min", "00", "s"] in [line.split() for line in lines]
    assert sum("waits for your word" in line for line in lines) == 1


def test_the_report_of_a_run_that_waits_is_that_of_its_evaluation(app, asking, tmp_path):
    asking.put(f"runs/{SECOND}/evaluation/report.html", b"<html>52.0</html>")

    assert app("report", SECOND, "--out", tmp_path).exit_code == 0
    assert (tmp_path / f"{SECOND}.html").read_bytes() == b"<html>52.0</html>"
