"""Money from end to end: what a run cost is recorded, and budgets hold back, cut short and give up."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest

from app.contracts import documents, errors, keys
from app.contracts.runs import RunInput, Spend, TrainingAttempt
from app.contracts.settings import PipelineSettings, ProcessingSettings, SpendSettings
from lambdas import fail_run, finish, gate, next_attempt, reconcile, start_training
from lambdas.aws import closing
from lambdas.aws.table import RunItem
from lambdas.errors import TrainConfigError
from lambdas.events import Attempt, StateError
from tests.lambdas.builders import IMAGE, OLD_RUN_ID, RUN_ID
from tests.lambdas.conftest import REGION, SETTINGS, Aws
from tests.lambdas.fakes import client_error

TRAIN = f"castline-dev-{RUN_ID}-train-1"
PREPARE = f"castline-dev-{RUN_ID}-prepare-"
NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
# An hour of processing, and its two minutes of grace, three times for each of two programs: 6 USD at most.
PRICED = dataclasses.replace(
    SETTINGS,
    processing=ProcessingSettings(max_runtime_seconds=3480),
    prices={REGION: {"ml.m5.xlarge": 1.0, "ml.m5.2xlarge": 1.0, "ml.g5.xlarge": 36.0, "ml.g6.xlarge": 36.0}},
)


def limited(per_run: float | None, per_month: float | None = None) -> PipelineSettings:
    return dataclasses.replace(PRICED, spend=SpendSettings(per_run, per_month))


@pytest.fixture(autouse=True)
def november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "now", lambda: NOW)


def cost(aws: Aws, run_id: str, usd: float | None) -> None:
    """A run of the list, which may go on."""
    aws.table.put_run(RunItem(run_id, "SUCCEEDED", "PROMOTED", "t", "t", "", usd=usd))


def due(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    aws.put(keys.READY_MARKER)


def jobs_of_a_run(aws: Aws) -> None:
    """A prepare that broke and was done again, and a spot training that was interrupted."""
    for number, seconds in ((1, 90), (2, 270)):
        aws.sagemaker.processing[f"{PREPARE}{number}"] = {
            "ProcessingJobName": f"{PREPARE}{number}",
            "ProcessingJobStatus": "Completed",
            "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}},
            "ProcessingStartTime": NOW,
            "ProcessingEndTime": NOW + dt.timedelta(seconds=seconds),
        }
    aws.sagemaker.training[TRAIN] = {
        "TrainingJobName": TRAIN,
        "TrainingJobStatus": "Completed",
        "EnableManagedSpotTraining": True,
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
        "TrainingTimeInSeconds": 1000,
        "BillableTimeInSeconds": 300,
        "AlgorithmSpecification": {"TrainingImage": IMAGE},
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
    }


def finished(aws: Aws) -> Spend | None:
    state = {"run": dataclasses.asdict(aws.running()), "outcome": "NOT_PROMOTED"}
    finish.handler({"execution_arn": aws.arn(), "state": state}, None)
    return aws.record().spend


def test_given_a_finished_run_then_each_of_its_jobs_has_its_price_and_the_list_its_sum(aws: Aws, capsys: Any) -> None:
    aws.configure(PRICED)
    jobs_of_a_run(aws)
    spend = finished(aws)
    assert spend is not None
    assert [(job.job_name, job.instance_count, job.billable_seconds, job.usd) for job in spend.jobs] == [
        (f"{PREPARE}1", 2, 90, 0.05), (f"{PREPARE}2", 2, 270, 0.15), (TRAIN, 1, 300, 3.0)
    ]  # fmt: skip
    assert (spend.usd, spend.saved_usd, spend.region, spend.unpriced) == (3.2, 7.0, REGION, ())
    [item] = aws.table.runs()
    assert (item.usd, item.saved_usd, item.prices_as_of, item.unpriced) == (3.2, 7.0, spend.prices_as_of, "")
    assert json.loads(capsys.readouterr().out)["EstimatedCostUsd"] == 3.2
    assert "Cost: 3.20 USD estimated" in aws.sns.requests("publish")[0]["Message"]


def test_given_a_region_that_nobody_priced_then_the_record_says_what_is_not_counted(aws: Aws) -> None:
    jobs_of_a_run(aws)
    spend = finished(aws)
    assert spend is not None
    assert (spend.usd, spend.unpriced) == (0.0, ("ml.g5.xlarge", "ml.m5.xlarge"))
    [item] = aws.table.runs()
    assert (item.usd, item.unpriced) == (0.0, "ml.g5.xlarge, ml.m5.xlarge")


def test_given_sagemaker_does_not_say_what_a_job_took_then_the_run_ends_all_the_same(aws: Aws) -> None:
    aws.sagemaker.errors["describe_processing_job"] = [client_error("ThrottlingException", "slow down")]
    assert finished(aws) is None
    [item] = aws.table.runs()
    assert (item.status, item.usd) == ("SUCCEEDED", None)


def test_given_a_failed_run_when_told_twice_then_its_cost_counts_once(aws: Aws) -> None:
    aws.configure(PRICED)
    jobs_of_a_run(aws)
    run = aws.running()
    state = {"run": dataclasses.asdict(run), "error": {"Error": "JobDataError", "Cause": "bad"}}
    for _ in range(2):
        fail_run.handler({"execution_arn": aws.arn(), "state": state}, None)
    assert [item.usd for item in aws.table.runs()] == [3.2]
    month = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    assert [item.run_id for item in aws.table.runs_of_month(month)] == [RUN_ID]
    assert list(aws.table.runs_of_month(month.replace(month=10))) == []


def test_given_a_month_that_is_spent_when_uploads_are_due_then_the_gate_waits_and_raises_its_metric(
    aws: Aws, capsys: Any
) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 300.0)
    cost(aws, OLD_RUN_ID, 112.0)
    cost(aws, "20261031-235959-ffffff", 1000.0)  # of October
    due(aws)
    wanted = (
        "the month's budget: 412.00 of 500 USD are spent and a run may cost 100.00: raise spend.per_month_usd, lower "
        "spend.per_run_usd, or wait for December"
    )
    assert gate.handler({}, None) == {"start": False, "reason": wanted, "run_id": ""}
    assert aws.table.lock() is None
    line = json.loads(capsys.readouterr().out)
    assert (line["HeldByBudget"], line["Environment"], line["reason"]) == (1.0, "dev", wanted)
    assert reconcile.handler({}, None)["gate"] == wanted


def test_given_a_month_with_room_when_uploads_are_due_then_a_run_starts(aws: Aws, capsys: Any) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 400.0)
    due(aws)
    assert gate.handler({}, None)["start"]
    assert capsys.readouterr().out == ""


def test_given_an_empty_inbox_then_a_spent_budget_holds_nothing_back(aws: Aws, capsys: Any) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 500.0)
    assert gate.handler({}, None)["reason"] == "the inbox is empty"
    assert capsys.readouterr().out == ""


def test_given_a_run_whose_cost_is_not_known_yet_then_it_counts_as_the_most_it_may_cost(aws: Aws) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 301.0)
    cost(aws, OLD_RUN_ID, None)
    due(aws)
    assert "401.00 of 500 USD are spent" in gate.handler({}, None)["reason"]


def test_given_a_spent_month_when_a_person_forces_a_run_then_it_needs_their_word_for_the_money(
    aws: Aws, capsys: Any
) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 450.0)
    refused = gate.handler({"force": True}, None)
    assert not refused["start"]
    assert refused["reason"].endswith("to start it all the same: python -m app run --over-budget")
    assert capsys.readouterr().out == ""  # the person has been told; nobody else need look
    assert gate.handler({"force": True, "over_budget": True}, None)["start"]
    lock = aws.table.lock()
    assert lock is not None
    run = documents.from_json(RunInput, lock.input)
    assert (run.over_budget, run.reason) == (True, "a person asked for it, no new file, over the budget if need be")


def test_given_a_wake_up_that_claims_to_be_over_budget_then_it_is_nobody_s_order(aws: Aws) -> None:
    aws.configure(limited(per_run=100, per_month=500))
    cost(aws, RUN_ID, 450.0)
    due(aws)
    assert not gate.handler({"over_budget": True}, None)["start"]


def test_given_a_budget_and_machines_of_unknown_price_then_no_run_starts(aws: Aws) -> None:
    aws.configure(dataclasses.replace(SETTINGS, spend=SpendSettings(per_run_usd=100)))
    due(aws)
    said = gate.handler({}, None)["reason"]
    assert "the budget cannot be kept: no price of ml.g5.xlarge, ml.g6.xlarge, ml.m5.2xlarge, ml.m5.xlarge in" in said


SPENT = TrainingAttempt(TRAIN, "Failed", "ml.g5.xlarge", True, 1000, 1000, 0, errors.TRAIN_INTERNAL)


def train(aws: Aws, attempt: Attempt, **more: Any) -> int:
    """The limit that the attempt's job gets."""
    aws.hold()
    event = {"token": "t", "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE, "version": "v1",
             "attempt": dataclasses.asdict(attempt), **more}  # fmt: skip
    name = start_training.handler(json.loads(json.dumps(event)), None)["job_name"]
    seconds: int = aws.sagemaker.training[name]["StoppingCondition"]["MaxRuntimeInSeconds"]
    return seconds


def test_given_a_budget_when_training_starts_then_its_limit_is_what_the_budget_pays_for(aws: Aws) -> None:
    aws.configure(limited(per_run=6 + 20))  # 20 USD are 2,000 s
    assert train(aws, Attempt()) == 2000 - 120
    assert train(aws, Attempt(number=2, history=(SPENT,))) == 1000 - 120
    assert train(aws, Attempt(number=3, history=(SPENT,)), over_budget=True) == 3600


def test_given_a_budget_that_was_lowered_meanwhile_then_training_is_refused_with_the_numbers(aws: Aws) -> None:
    aws.configure(limited(per_run=6 + 7))
    with pytest.raises(TrainConfigError, match=r"spend\.per_run_usd = 13: it leaves 580 s for training"):
        train(aws, Attempt())


def failed_attempt(**more: Any) -> dict[str, Any]:
    cause = json.dumps({"message": "the job reached its limit", "attempt": dataclasses.asdict(SPENT)})
    event = {"attempt": dataclasses.asdict(Attempt()), **more,
             "error": dataclasses.asdict(StateError(errors.TRAIN_TIME_LIMIT, cause))}  # fmt: skip
    return next_attempt.handler(json.loads(json.dumps(event)), None)


def test_given_a_budget_that_is_used_up_when_an_attempt_failed_then_the_run_ends_and_says_why(aws: Aws) -> None:
    aws.configure(limited(per_run=6 + 12))
    attempt = failed_attempt()
    assert attempt["again"] is False
    error = {"Error": errors.TRAIN_TIME_LIMIT, "Cause": '{"message": "the job reached its limit"}'}
    state = {"run": dataclasses.asdict(aws.running()), "attempt": attempt, "error": error}
    said = fail_run.handler({"execution_arn": aws.arn(), "state": state}, None)["cause"]
    assert said == (
        "the job reached its limit; no other attempt: training has cost 10.00 USD and spend.per_run_usd = 18 leaves "
        "too little for more: raise it, or train for less"
    )
    assert aws.record().cause == said


def test_given_a_person_s_word_or_money_enough_when_an_attempt_failed_then_another_follows(aws: Aws) -> None:
    aws.configure(limited(per_run=6 + 12))
    assert failed_attempt(over_budget=True)["again"]
    aws.configure(limited(per_run=6 + 20))
    assert failed_attempt()["again"]
