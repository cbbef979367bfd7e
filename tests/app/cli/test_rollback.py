"""rollback, and what the other commands say about it."""

from __future__ import annotations

import json

import pytest

FIRST, SECOND, THIRD = "20261120-070000-aaaaaa", "20261121-070000-bbbbbb", "20261121-080000-cccccc"


@pytest.fixture
def served(cloud, record, monkeypatch):
    """Two champions, one after the other; a rollback that the gate starts goes well."""
    monkeypatch.setattr("app.client.signature.signature", lambda: "anna@line3")
    cloud.run(record(FIRST))
    cloud.run(record(SECOND))
    cloud.champion(SECOND, previous=FIRST)
    cloud.gate.decision = {"start": True, "reason": f"run {THIRD}", "run_id": THIRD}
    real = cloud.gate.invoke

    def invoke(**order):
        cloud.run(record(THIRD, outcome="ROLLED_BACK", rollback_to=FIRST, decision=("serves again",)))
        return real(**order)

    cloud.gate.invoke = invoke
    return cloud


@pytest.mark.parametrize("asked", [(), ("aaaaaa",)])
def test_the_champion_of_before_is_ordered_with_what_the_person_saw_and_followed(app, served, asked):
    result = app("rollback", *asked, "--yes", "--why", "misses chipping")

    assert result.exit_code == 0, result.stderr
    assert served.gate.orders == [{
        "force": True, "rollback_to": FIRST, "rollback_from": SECOND,
        "reason": "rolled back by anna@line3: misses chipping"}]
    lines = result.stdout.splitlines()
    assert lines[0] == f"Serves now:    the model of run {SECOND}, mask AP 50.0, since 2026-11-21 07:00 UTC"
    assert lines[1].startswith(f"Serves then:   the model of run {FIRST}, mask AP 40.0, which became champion ")
    assert f"Run {THIRD}" in lines
    assert f"to the model of run {FIRST}" in result.stdout
    assert "rolled back" in result.stdout


def test_a_rollback_that_fails_ends_with_status_1_and_the_reason(app, served):
    served.states.looks[THIRD] = [([], "FAILED")]
    served.states.error, served.states.cause = "PublishUnfaithfulError", "2 differences"

    result = app("rollback", "--yes")

    assert result.exit_code == 1
    assert "PublishUnfaithfulError 2 differences" in result.stdout


def test_nobody_is_rolled_back_without_a_yes(app, served):
    result = app("rollback")

    assert result.exit_code == 1
    assert "Roll back?" in result.stdout
    assert served.gate.orders == []


def test_scripts_get_the_record_or_the_decision_alone(app, served):
    assert json.loads(app("rollback", "--yes", "--json").stdout)["outcome"] == "ROLLED_BACK"
    assert json.loads(app("rollback", "--yes", "--json", "--no-watch").stdout)["run_id"] == THIRD
    assert app("rollback", "--json").stderr == "Error: --json cannot ask: add --yes\n"
    assert app("rollback", "--yes", "--no-watch").stdout.endswith(f"Follow it: python -m app watch {THIRD}\n")


@pytest.mark.parametrize(("asked", "words"), [
    (SECOND, f"the model of run {SECOND} serves already"),
    (THIRD, f"the model of run {THIRD} never served: python -m app runs shows which were promoted"),
    ("zzz", "zzz: no such run: python -m app runs lists them")])
def test_what_cannot_serve_again_is_refused_before_anything_is_ordered(app, served, record, asked, words):
    served.run(record(THIRD, outcome="NOT_PROMOTED"))

    result = app("rollback", asked, "--yes")

    assert (result.exit_code, result.stderr) == (1, f"Error: {words}\n")
    assert served.gate.orders == []


def test_an_active_run_is_named(app, served):
    served.lock(THIRD)

    assert app("rollback", "--yes").stderr == (
        f"Error: run {THIRD} is active: wait for it: python -m app watch {THIRD}\n")
    assert served.gate.orders == []


def test_what_the_gate_refuses_is_told(app, served):
    served.gate.decision = {"start": False, "reason": f"run {THIRD} is active: wait for it, or stop it"}

    result = app("rollback", "--yes")

    assert (result.exit_code, result.stderr) == (
        1, f"Error: no rollback was started: run {THIRD} is active: wait for it, or stop it\n")


def test_without_a_champion_or_one_before_it_there_is_nothing_to_roll_back(app, cloud, record):
    assert app("rollback", "--yes").stderr.startswith("Error: no model serves yet, so there is none to go back from")
    cloud.run(record(FIRST))
    cloud.champion(FIRST)

    assert app("rollback", "--yes").stderr == (
        f"Error: the model of run {FIRST} is the first champion: there is none before it\n")


def test_status_and_runs_show_who_serves_and_who_did(app, served):
    served.champion(FIRST, rolled_back_from=SECOND)
    assert f"rolled back from {SECOND}" in " ".join(app("status").stdout.split())

    served.champion(SECOND, previous=FIRST)
    assert f"Before it    the model of run {FIRST}: python -m app rollback" in app("status").stdout
    lines = [line.split() for line in app("runs").stdout.splitlines() if line.strip().startswith("2026")]
    assert [(line[0], line[-2:]) for line in lines] == [(SECOND, ["0", "serves"]), (FIRST, ["served", "before"])]


def test_status_says_why_the_active_run_was_started(app, served, record):
    served.run(record(THIRD, status="RUNNING", outcome=""))
    served.lock(THIRD)

    assert f"{THIRD}: 40 new images" in app("status").stdout
