"""Rolling back: ordered at the gate, checked before anything is touched, and the pointer that goes back and forth."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.evaluation import GoldenAnswer, GoldenSet
from app.contracts.prediction import Prediction, Verdict
from app.contracts.runs import Champion, RunInput
from app.contracts.settings import SpendSettings
from lambdas import commit, fail_run, finish, gate, publish, recall
from lambdas.decisions.gate import LastFailure
from lambdas.errors import ChampionMovedError, RollbackRefusedError
from tests.lambdas.builders import CHAMPION, IMAGE, NEW, OLD, OLD_RUN_ID, RUN_ID
from tests.lambdas.conftest import BUCKET, SETTINGS, Aws

THIRD = "20261103-110000-0d1e2f"
"""The run that rolls back."""
NOW = dataclasses.replace(CHAMPION, run_id=RUN_ID, endpoint_config=NEW, mask_ap=0.5, previous_run_id=OLD_RUN_ID)
"""Serves, and beat CHAMPION."""
ARTIFACT = keys.split_uri(CHAMPION.model_artifact)[1]
ANSWER = GoldenAnswer("a.png", Prediction(8, 8, (), Verdict("OK", ()), OLD_RUN_ID, 1.0))


@pytest.fixture
def served(aws: Aws) -> Aws:
    """Two champions, one after the other, and all that is needed to serve the first again."""
    aws.put(keys.CHAMPION, NOW)
    aws.put(keys.run_champion(OLD_RUN_ID), CHAMPION)
    aws.put(keys.run(OLD_RUN_ID, "evaluation", "golden", "golden.json"), GoldenSet(OLD_RUN_ID, (ANSWER,)))
    aws.put(ARTIFACT)
    aws.sagemaker.serve(NEW)
    return aws


def recalling(to: str = "previous", seen: str = "") -> dict[str, Any]:
    return recall.handler({"rollback_to": to, "rollback_from": seen}, None)


def champion(aws: Aws) -> Champion:
    return aws.bucket.read(Champion, keys.CHAMPION)


def state(model: dict[str, Any]) -> dict[str, Any]:
    run = RunInput(THIRD, "NG castings passed", "2026-11-03T11:00:00+00:00", rollback_to=OLD_RUN_ID)
    plain = {"run": dataclasses.asdict(run), "model": model, "publication": {"job_name": OLD}, "outcome": "ROLLED_BACK"}
    parsed: dict[str, Any] = json.loads(json.dumps(plain))
    return parsed


def test_given_an_order_to_roll_back_then_the_turn_is_taken_and_a_run_of_that_kind_starts(aws: Aws) -> None:
    order = {"force": True, "rollback_to": OLD_RUN_ID, "rollback_from": RUN_ID, "reason": "NG castings passed"}
    answer = gate.handler(order, None)
    [request] = aws.states.requests("start_execution")
    run = documents.from_json(RunInput, request["input"])
    assert (answer["start"], answer["run_id"]) == (True, run.run_id)
    assert (run.rollback_to, run.rollback_from, run.reason) == (OLD_RUN_ID, RUN_ID, "NG castings passed")
    lock = aws.table.lock()
    assert lock is not None
    assert lock.owner == run.run_id


def test_given_a_spent_budget_when_rolling_back_then_it_starts_because_it_trains_nothing(aws: Aws) -> None:
    aws.configure(dataclasses.replace(SETTINGS, spend=SpendSettings(per_run_usd=0.01, per_month_usd=0.01)))
    assert not gate.handler({"force": True}, None)["start"]
    assert gate.handler({"force": True, "rollback_to": "previous"}, None)["start"]


def test_given_an_active_run_when_ordered_then_nothing_starts_and_the_run_is_named(aws: Aws) -> None:
    aws.running()
    answer = gate.handler({"force": True, "rollback_to": "previous"}, None)
    assert answer == {"start": False, "reason": f"run {RUN_ID} is active: wait for it, or stop it", "run_id": ""}
    assert len(aws.states.requests("start_execution")) == 1


@pytest.mark.parametrize("to", ["previous", OLD_RUN_ID])
def test_given_a_champion_of_before_when_recalled_then_publish_gets_what_it_needs(served: Aws, to: str) -> None:
    assert recalling(to, RUN_ID) == {
        "run_id": OLD_RUN_ID, "image_uri": IMAGE, "model_artifact": CHAMPION.model_artifact, "champion_run_id": RUN_ID,
        "mask_ap": 0.4, "champion_ap": 0.5}  # fmt: skip


def test_given_another_champion_than_the_person_saw_when_recalled_then_it_is_refused(served: Aws) -> None:
    with pytest.raises(ChampionMovedError, match=f"names {RUN_ID}, not r7, from which to roll back"):
        recalling(OLD_RUN_ID, "r7")


@pytest.mark.parametrize(
    ("to", "gone", "words"),
    [
        (RUN_ID, "", f"the model of run {RUN_ID} serves already"),
        ("r7", "", "run r7 made no champion of before"),
        ("previous", keys.CHAMPION, "no model serves yet"),
        ("previous", keys.run_champion(OLD_RUN_ID), "made no champion of before"),
        ("previous", keys.run(OLD_RUN_ID, "evaluation", "golden", "golden.json"), "no golden images any more"),
        ("previous", ARTIFACT, f"s3://{BUCKET}/runs/old/model.tar.gz, the model of run {OLD_RUN_ID}, is gone"),
    ],
)
def test_given_what_cannot_serve_again_when_recalled_then_it_is_refused_before_the_endpoint_is_touched(
    served: Aws, to: str, gone: str, words: str
) -> None:
    if gone:
        served.s3.delete_object(Bucket=BUCKET, Key=gone)
    with pytest.raises(RollbackRefusedError, match=words):
        recalling(to)


def test_given_the_first_champion_when_rolling_back_further_then_it_is_refused(served: Aws) -> None:
    served.put(keys.CHAMPION, CHAMPION)
    with pytest.raises(RollbackRefusedError, match=f"{OLD_RUN_ID} is the first champion: there is none before it"):
        recalling()


def test_given_a_model_and_a_configuration_that_were_deleted_when_published_again_then_they_are_made_again(
    served: Aws,
) -> None:
    served.hold(THIRD)
    model = recalling()
    event = {"token": "t-1", "execution_arn": served.arn(THIRD), "run_id": THIRD, "image_uri": IMAGE,
             "model_artifact": model["model_artifact"], "champion_run_id": RUN_ID,
             "model_run_id": OLD_RUN_ID}  # fmt: skip
    assert publish.handler(event, None) == {"endpoint_config": OLD}
    container = served.sagemaker.models[OLD]["PrimaryContainer"]
    assert (container["Image"], container["ModelDataUrl"]) == (IMAGE, CHAMPION.model_artifact)
    assert container["Environment"]["CASTLINE_MODEL_VERSION"] == OLD_RUN_ID
    [asked] = served.sagemaker.requests("update_endpoint")
    assert asked["EndpointConfigName"] == OLD


def test_given_a_proven_rollback_when_committed_then_the_pointer_goes_back_and_both_ways_stay_open(served: Aws) -> None:
    served.hold(THIRD)
    back = state(recalling())
    assert commit.handler({"state": back}, None) == {"promoted": False, "version": None, "removed_uploads": 0}
    again = champion(served)
    assert (again.run_id, again.endpoint_config, again.rolled_back_from) == (OLD_RUN_ID, OLD, RUN_ID)
    assert (again.previous_run_id, again.mask_ap) == (CHAMPION.previous_run_id, CHAMPION.mask_ap)
    assert again.promoted_at != CHAMPION.promoted_at
    assert served.bucket.read(Champion, keys.run_champion(RUN_ID)) == NOW
    commit.handler({"state": back}, None)  # an interrupted commit is repeated
    assert champion(served) == again


def test_given_a_champion_that_moved_when_a_rollback_is_committed_then_nothing_moves(served: Aws) -> None:
    served.hold(THIRD)
    back = state(recalling())
    served.put(keys.CHAMPION, dataclasses.replace(NOW, run_id="r9"))
    with pytest.raises(ChampionMovedError, match=f"does not name {RUN_ID} any more"):
        commit.handler({"state": back}, None)
    assert champion(served).run_id == "r9"


def test_given_a_rollback_when_finished_then_record_list_and_people_say_so_and_the_inbox_keeps_its_failure(
    served: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = LastFailure("r0", "JobDataError", "2026-11-02T11:00:00+00:00", "2026-11-02T11:00:00+00:00")
    served.table.put_failure(failure)
    served.running(THIRD)
    finish.handler({"execution_arn": served.arn(THIRD), "state": state(recalling())}, None)
    record = served.record(THIRD)
    assert (record.status, record.outcome, record.rollback_to) == ("SUCCEEDED", "ROLLED_BACK", OLD_RUN_ID)
    assert (record.endpoint, record.image_uri, record.version, record.mask_ap) == ("castline-dev", IMAGE, None, None)
    [why] = record.decision
    assert why.startswith(f"the model of run {OLD_RUN_ID} (mask AP 0.400) serves again instead of that of {RUN_ID} (")
    [item] = served.table.runs()
    assert item.summary == why
    [message] = served.sns.requests("publish")
    assert message["Subject"] == f"Castline run {THIRD}: ROLLED_BACK"
    assert f"Rollback to the model of run {OLD_RUN_ID}" in message["Message"]
    assert "Uploads" not in message["Message"]
    assert "Report" not in message["Message"]
    assert json.loads(capsys.readouterr().out)["RunsRolledBack"] == 1.0
    assert served.table.last_failure() == failure
    assert served.table.lock() is None


def test_given_a_rollback_that_fails_then_it_says_so_and_holds_no_upload_back(served: Aws) -> None:
    served.running(THIRD)
    failed = {"run": state({})["run"], "error": {"Error": "RollbackRefusedError", "Cause": "it is gone"}}
    fail_run.handler({"execution_arn": served.arn(THIRD), "state": failed}, None)
    record = served.record(THIRD)
    assert (record.status, record.error, record.cause) == ("FAILED", "RollbackRefusedError", "it is gone")
    assert record.rollback_to == OLD_RUN_ID
    assert served.table.last_failure() is None
