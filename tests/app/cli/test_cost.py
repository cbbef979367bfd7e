"""cost, and what deploy says about money."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from app.cli import cost_tables
from app.client.spending import RunCost, by_month
from app.contracts import documents, table
from app.contracts.settings import PipelineSettings, SpendSettings
from app.idle_cost import IdleCost

JUNE, FIRST, SECOND = "20260611-070000-cccccc", "20261121-070000-aaaaaa", "20261121-080000-bbbbbb"


def spent(cloud, run_id, usd, saved="0", status="SUCCEEDED", outcome="PROMOTED", unpriced=""):
    """A run of the list with its cost, as the functions write it."""
    number = {"NULL": True} if usd is None else {"N": usd}
    cloud.dynamodb.put_item(TableName="state", Item={
        "pk": {"S": table.RUN_PK}, "sk": {"S": run_id}, "status": {"S": status}, "outcome": {"S": outcome},
        "started_at": {"S": "2026-11-21T07:00:00+00:00"}, "usd": number, "saved_usd": {"N": saved},
        "prices_as_of": {"S": "" if usd is None else "2026-01-01"}, "unpriced": {"S": unpriced}})


def lines(text):
    return [line.split() for line in text.splitlines() if line.strip()]


def test_runs_are_summed_by_month_the_newest_first(app, cloud):
    spent(cloud, JUNE, "2.5", "1.25")
    spent(cloud, FIRST, "3.2", "7", unpriced="ml.p5.48xlarge")
    spent(cloud, SECOND, "0.3", outcome="NOT_PROMOTED")

    shown = app("cost").stdout

    assert lines(shown)[2:8] == [
        ["2026-11", "2", "runs", "3.50", "7.00"],
        [SECOND, "not", "promoted", "0.30", "0.00"],
        [FIRST, "promoted", "3.20", "7.00"],
        ["2026-06", "1", "run", "2.50", "1.25"],
        [JUNE, "promoted", "2.50", "1.25"],
        ["All", "together", "6.00", "USD;", "spot", "saved", "8.25", "USD."]]
    assert "Estimated from on-demand list prices of 2026-01-01." in shown
    assert "Not counted, because no price is known: ml.p5.48xlarge" in shown
    assert "Budget" not in shown


def test_one_month_as_json_for_scripts_with_its_budget(app, cloud):
    cloud.gate.settings = PipelineSettings("local", spend=SpendSettings(per_run_usd=50, per_month_usd=500))
    spent(cloud, JUNE, "2.5")
    spent(cloud, FIRST, "3.2", "7")
    spent(cloud, SECOND, None, status="RUNNING", outcome="")

    said = json.loads(app("cost", "--month", "2026-11", "--json").stdout)

    assert (said["usd"], said["saved_usd"], said["per_month_usd"], said["prices_as_of"]) == (
        3.2, 7.0, 500.0, ["2026-01-01"])
    [month] = said["months"]
    assert (month["month"], [(r["run_id"], r["usd"]) for r in month["runs"]]) == (
        "2026-11", [(SECOND, None), (FIRST, 3.2)])
    assert [SECOND, "running", "-", "0.00"] in lines(app("cost", "--month", "2026-11").stdout)


def test_a_run_from_before_costs_were_recorded_counts_nothing(app, cloud, record):
    cloud.run(record(FIRST))

    assert json.loads(app("cost", "--json").stdout)["months"][0]["runs"][0]["usd"] == 0.0


def test_without_runs_nothing_was_spent(app, cloud):
    assert app("cost").stdout == "No run yet, so nothing was spent.\n"
    assert app("cost", "--month", "2026-10").stdout == "No run in 2026-10, so nothing was spent.\n"


@pytest.mark.parametrize("month", ["2026", "2026-13", "26-11", "2026-1"])
def test_a_month_that_is_none_is_refused(app, cloud, month):
    result = app("cost", "--month", month)

    assert result.exit_code == 1
    assert result.stderr == f"Error: --month {month}: write year and month, for example --month 2026-11\n"


def test_sums_are_of_the_runs_of_each_month():
    runs = [RunCost(run_id, "SUCCEEDED", "", "", usd, 0.5, "", "")
            for run_id, usd in (("20261201-1", 1.0), ("20261130-2", None), ("20261101-3", 2.25))]

    assert [(m.month, m.usd, m.saved_usd, len(m.runs)) for m in by_month(runs)] == [
        ("2026-12", 1.0, 0.5, 1), ("2026-11", 2.25, 1.0, 2)]


def test_the_idle_table_adds_up_what_is_known_and_says_what_is_not():
    console = Console(file=io.StringIO(), width=100)
    console.print(cost_tables.idle_table(
        [IdleCost("Alarms", 1.9, "19"), IdleCost("Endpoint, realtime", None, "1 x ml.new.xlarge")], "Idle"))

    assert lines(console.file.getvalue())[3:] == [
        ["Alarms", "1.90", "19"], ["Endpoint,", "realtime", "unknown", "1", "x", "ml.new.xlarge"],
        ["Together", "1.90", "without", "what", "is", "unknown:", "write", "`prices`", "into", "cdk.json"]]


@pytest.mark.parametrize(("amount", "words"), [
    (None, "-"), (0.0, "0.00"), (0.0049, "<0.01"), (0.005, "0.01"), (1234.5, "1,234.50")])
def test_amounts(amount, words):
    assert cost_tables.usd(amount) == words


def assembly(folder, settings):
    """What the CDK leaves behind, as far as money is concerned."""
    variables = {"CASTLINE_SETTINGS": documents.to_json(settings)}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}
    key = {"Type": "AWS::KMS::Key"}
    (folder / "a.template.json").write_text(json.dumps({"Resources": {"Gate": function, "Key": key}}))
    return folder


def test_deploy_says_what_the_environment_costs_idle_and_what_a_run_may_cost(app, monkeypatch, tmp_path):
    folder = assembly(tmp_path, PipelineSettings("dev", spend=SpendSettings(per_run_usd=42)))
    monkeypatch.setattr("app.deploy.deploy", lambda _environment, *, aws: folder)
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    shown = app("deploy", "--aws").stdout

    assert "A month in which nothing runs (us-west-2, list prices of 20" in shown
    assert ["KMS", "keys", "1.00", "1"] in lines(shown)
    assert "\nA run may cost up to 42.00 USD" in shown
    here = app("deploy").stdout
    assert "Here nothing costs anything; in AWS (us-east-1, list prices of" in here
    assert "\nThere a run may cost up to 42.00 USD" in here


def test_deploy_to_a_region_that_nobody_priced_says_so(app, monkeypatch, tmp_path):
    folder = assembly(tmp_path, PipelineSettings("dev"))
    monkeypatch.setattr("app.deploy.deploy", lambda _environment, *, aws: folder)
    monkeypatch.setenv("AWS_REGION", "eu-north-1")

    shown = app("deploy", "--aws").stdout

    assert ["KMS", "keys", "unknown", "1"] in lines(shown)
    assert "What a run may cost is not known: no price of ml." in shown
