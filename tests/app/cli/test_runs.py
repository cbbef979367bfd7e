"""run, runs, show, report, findings, interrupt."""

from __future__ import annotations

import json

import pytest

from app.contracts.dataset import Finding
from app.contracts.runs import TrainingAttempt

FIRST, SECOND = "20261121-070000-aaaaaa", "20261121-080000-bbbbbb"


def test_the_list_has_the_newest_first_and_marks_the_model_that_serves(app, cloud, record):
    cloud.run(record(FIRST, mask_ap=0.512, uploads=81, quarantined=2))
    cloud.run(record(SECOND, status="FAILED", outcome="", error="TrainDataError"))
    cloud.champion(FIRST)

    lines = [line.split() for line in app("runs").stdout.splitlines() if line.strip().startswith("2026")]

    assert lines == [
        [SECOND, "failed", "TrainDataError", "-", "2", "min", "05", "s", "0", "0"],
        [FIRST, "promoted", "51.2", "2", "min", "05", "s", "81", "2", "serves"]]


def test_the_list_can_be_cut_and_read_by_scripts(app, cloud, record):
    cloud.run(record(FIRST))
    attempt = TrainingAttempt("job-1", "Completed", "ml.g5.xlarge", True, 100, 30, 1)
    cloud.run(record(SECOND, training=(attempt,)))

    said = json.loads(app("runs", "--limit", 1, "--json").stdout)

    assert [r["run_id"] for r in said] == [SECOND]
    assert said[0]["training"][0]["billable_seconds"] == 30


def test_without_any_run_the_next_step_is_named(app, cloud):
    assert app("runs").stdout == "No run yet: python -m app upload FOLDER\n"
    assert app("runs", "--json").stdout == "[]\n"
    for command in ("show", "report", "findings", "watch"):
        result = app(command)
        assert (result.exit_code, result.stderr) == (
            1, "Error: no run yet: upload images first: python -m app upload FOLDER\n")


def test_show_takes_a_part_of_the_id_or_the_latest(app, cloud, record):
    cloud.run(record(FIRST, mask_ap=0.5))
    cloud.run(record(SECOND, mask_ap=0.6))

    assert "Mask AP 50.0" in " ".join(app("show", "aaaa").stdout.split())
    assert json.loads(app("show", "--json").stdout)["run_id"] == SECOND


@pytest.mark.parametrize(("asked", "message"), [("zzz", "zzz: no such run"), ("2026", "2026: several runs match")])
def test_an_unknown_or_ambiguous_run_is_refused(app, cloud, record, asked, message):
    cloud.run(record(FIRST))
    cloud.run(record(SECOND))

    result = app("show", asked)

    assert result.exit_code == 1
    assert result.stderr == f"Error: {message}: python -m app runs lists them\n"


def test_show_tells_why_a_run_failed_brackets_included(app, cloud, record):
    cause = "cast[3].png: mask 3 reaches x=530: re-export [bold]it[/bold]"
    cloud.run(record(FIRST, status="FAILED", outcome="", error="JobDataError", failed_state="Prepare", cause=cause))

    shown = app("show").stdout

    assert f"JobDataError: {cause}" in shown
    assert "Failed in  Prepare" in shown


def test_report_writes_the_page_and_prints_its_path_alone(app, cloud, record, tmp_path):
    cloud.run(record(FIRST))
    cloud.put(f"runs/{FIRST}/report.html", b"<html>51.2</html>")

    result = app("report", "latest", "--out", tmp_path)

    assert result.stdout == f"{tmp_path}/{FIRST}.html\n"
    assert (tmp_path / f"{FIRST}.html").read_bytes() == b"<html>51.2</html>"


def test_report_opens_the_browser_on_request(app, cloud, record, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    cloud.run(record(FIRST))
    cloud.put(f"runs/{FIRST}/report.html", b"x")

    app("report", "--out", tmp_path, "--open")

    assert opened == [f"file://{tmp_path.resolve()}/{FIRST}.html"]


def test_a_run_without_report_names_the_next_step(app, cloud, record, tmp_path):
    cloud.run(record(FIRST))

    result = app("report", "--out", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.endswith(f"has no report: it comes with the evaluation: python -m app show {FIRST}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["findings", "quarantine"])
def test_findings_are_told_in_words_errors_first(app, cloud, record, command):
    cloud.run(record(FIRST))
    said = [
        Finding("a.png", "image", "image-converted", "a[1].png: 16-bit became 8-bit: nothing to do", "warning"),
        Finding("b.png", "mask 3", "mask-outside-image", "b.png: mask 3 reaches x=530: re-export it", "error")]
    cloud.put(f"runs/{FIRST}/prepare/findings.json", json.dumps([f.__dict__ for f in said]).encode())

    shown = app(command).stdout

    assert shown.index("b.png: mask 3 reaches x=530: re-export it") < shown.index("a[1].png: 16-bit became 8-bit")
    assert "1 finding put items into quarantine, 1 is a warning about items that are used." in shown
    assert f"Quarantined files: s3://castings/quarantine/{FIRST}/" in shown
    assert json.loads(app(command, "--json").stdout)[1]["rule"] == "mask-outside-image"


def test_a_clean_upload_has_no_findings(app, cloud, record):
    cloud.run(record(FIRST))

    assert app("findings").stdout == f"Nothing was wrong with the uploads of run {FIRST}.\n"


def test_run_orders_the_gate_and_says_what_it_decided(app, cloud):
    cloud.gate.decision = {"start": True, "reason": f"run {FIRST}: a person asked for it, 40 new images"}

    result = app("run", "--set", "epochs=2", "--set", "preset=demo")

    assert cloud.gate.orders == [{"force": True, "hyperparameters": {"epochs": "2", "preset": "demo"}}]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"Started: run {FIRST}: a person asked for it, 40 new images", "Follow it: python -m app watch"]


def test_a_run_over_the_budget_takes_a_word_of_its_own(app, cloud):
    app("run")
    app("run", "--over-budget")

    assert cloud.gate.orders == [
        {"force": True, "hyperparameters": {}}, {"force": True, "hyperparameters": {}, "over_budget": True}]


def test_run_and_watch_gives_scripts_one_document(app, cloud, record):
    cloud.gate.decision = {"start": True, "reason": f"run {FIRST}"}
    real = cloud.gate.invoke

    def invoke(**order):
        cloud.run(record(FIRST, mask_ap=0.3))
        return real(**order)

    cloud.gate.invoke = invoke

    result = app("run", "--watch", "--json")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["mask_ap"] == 0.3


def test_run_exits_1_when_the_gate_declines(app, cloud):
    cloud.gate.decision = {"start": False, "reason": f"run {FIRST} is active"}

    result = app("run")

    assert (result.exit_code, result.stdout) == (1, f"No run was started: run {FIRST} is active\n")
    assert json.loads(app("run", "--json").stdout) == cloud.gate.decision


def test_run_tells_what_the_gate_died_of(app, cloud):
    cloud.gate.decision, cloud.gate.failed = {"errorMessage": "KeyError: CASTLINE_TABLE"}, True

    result = app("run")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the gate failed: KeyError: CASTLINE_TABLE: look into the log")


@pytest.mark.parametrize("setting", ["epochs", "=2"])
def test_a_setting_needs_name_and_value(app, cloud, setting):
    result = app("run", "--set", setting)

    assert (result.exit_code, cloud.gate.orders) == (1, [])
    assert result.stderr == f"Error: --set {setting}: write NAME=VALUE, for example --set epochs=2\n"


def test_interrupt_names_the_job(app, cloud, record, monkeypatch):
    cloud.run(record(FIRST, status="RUNNING"))
    monkeypatch.setattr("app.cloud.interrupt_training", lambda _where, run_id: f"castline-local-{run_id}-train-1")

    result = app("interrupt")

    assert result.exit_code == 0
    assert f"Interrupted castline-local-{FIRST}-train-1; it resumes" in result.stdout


def test_interrupt_is_for_the_embedded_aws_only(app, cloud, record):
    cloud.run(record(FIRST))

    result = app("interrupt", "--aws")

    assert result.exit_code == 1
    assert "only the embedded AWS takes spot instances away" in result.stderr
