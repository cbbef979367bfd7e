"""One run at a time: gate, claim and the lock between them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from app.contracts import documents, keys
from app.contracts.documents import ContractError
from app.contracts.runs import RunInput
from lambdas import (
    claim,
    commit,
    gate,
    publish,
    register,
    restore,
    start_evaluation,
    start_prepare,
    start_training,
)
from lambdas.aws.table import Lock
from lambdas.errors import RunInProgressError
from tests.lambdas.builders import IMAGE, RUN_ID
from tests.lambdas.conftest import EVENTS, Aws
from tests.lambdas.fakes import client_error


def started(aws: Aws) -> list[str]:
    return [request["name"] for request in aws.states.requests("start_execution")]


def test_given_an_empty_inbox_when_woken_then_nothing_starts_and_nothing_is_locked(aws: Aws) -> None:
    event = json.loads((EVENTS / "inbox_queue.json").read_text())
    assert gate.handler(event, None) == {"start": False, "reason": "the inbox is empty", "run_id": ""}
    assert aws.table.lock() is None


def test_given_the_ready_marker_when_woken_then_the_lock_is_taken_and_the_execution_has_its_name(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    aws.put(keys.READY_MARKER)
    assert gate.handler({}, None)["start"]
    lock = aws.table.lock()
    assert lock is not None
    assert started(aws) == [lock.owner]
    assert aws.states.requests("start_execution")[0]["input"] == lock.input
    assert documents.from_json(RunInput, lock.input).reason == "_READY marker, 1 new image"


def test_given_a_person_forces_a_run_then_it_carries_their_reason_and_hyperparameters(aws: Aws) -> None:
    answer = gate.handler({"force": True, "reason": "quick look", "hyperparameters": {"epochs": "1"}}, None)
    assert started(aws) == [answer["run_id"]]
    run = documents.from_json(RunInput, aws.states.requests("start_execution")[0]["input"])
    assert (run.reason, run.hyperparameters, run.forced) == ("quick look", {"epochs": "1"}, True)


@pytest.mark.parametrize("hyperparameters", [{"preset": "x" * 257}, {"epochs": 1}])
def test_given_hyperparameters_that_sagemaker_refuses_when_forced_then_no_run_starts(
    aws: Aws, hyperparameters: dict[str, object]
) -> None:
    with pytest.raises(ContractError, match=r"hyperparameters\.(preset|epochs)"):
        gate.handler({"force": True, "hyperparameters": hyperparameters}, None)
    assert aws.table.lock() is None


def test_given_a_wake_up_with_hyperparameters_then_they_are_nobody_s_order(aws: Aws) -> None:
    aws.put(keys.READY_MARKER)
    aws.put("inbox/a.jpg")
    gate.handler({"hyperparameters": {"epochs": "1"}}, None)
    assert documents.from_json(RunInput, aws.states.requests("start_execution")[0]["input"]).hyperparameters == {}


def test_given_an_active_run_when_uploads_come_then_they_wait(aws: Aws) -> None:
    aws.running()
    aws.put(keys.READY_MARKER)
    aws.put("inbox/a.jpg")
    assert gate.handler({"force": True}, None) == {"start": False, "reason": f"run {RUN_ID} is active", "run_id": ""}
    assert started(aws) == [RUN_ID]


def test_given_a_lock_whose_execution_never_started_when_woken_then_the_stored_start_is_repeated(aws: Aws) -> None:
    run = RunInput(RUN_ID, "why", "2026-11-02T11:00:00+00:00")
    aws.table.take_lock(Lock(RUN_ID, documents.to_json(run), run.requested_at))
    assert gate.handler({}, None)["start"]
    request = aws.states.requests("start_execution")[0]
    assert (request["name"], documents.from_json(RunInput, request["input"])) == (RUN_ID, run)


def test_given_starting_fails_after_the_lock_when_woken_again_then_the_same_run_starts(aws: Aws) -> None:
    aws.states.errors["start_execution"] = [client_error("ServiceUnavailable", "try again")]
    aws.put("inbox/a.jpg")
    with pytest.raises(Exception, match="try again"):
        gate.handler({"force": True, "reason": "a test"}, None)
    assert gate.handler({}, None)["start"]
    assert len(set(started(aws))) == 1
    assert len(aws.states.executions) == 1


def test_given_a_lock_of_a_dead_owner_when_a_run_is_due_then_it_is_taken_over(aws: Aws) -> None:
    aws.running()
    aws.end(status="ABORTED")
    assert gate.handler({"force": True}, None)["start"]
    lock = aws.table.lock()
    assert lock is not None
    assert lock.owner != RUN_ID
    assert started(aws) == [RUN_ID, lock.owner]


def test_given_somebody_else_took_over_first_when_taking_over_then_nothing_starts(aws: Aws) -> None:
    aws.running()
    lock = aws.table.lock()
    assert lock is not None
    other = dataclasses.replace(lock, owner="other")
    assert aws.table.take_lock(other, from_owner=RUN_ID)
    assert not aws.table.take_lock(dataclasses.replace(lock, owner="me"), from_owner=RUN_ID)
    assert not aws.table.release_lock(RUN_ID)
    assert aws.table.lock() == other


def claiming(aws: Aws, run: RunInput, name: str = RUN_ID) -> dict[str, object]:
    event = {"execution_arn": aws.arn(name), "execution_name": name, "input": dataclasses.asdict(run)}
    return claim.handler(event, None)


def test_given_the_gate_s_lock_when_claimed_then_the_run_is_recorded_as_running_once(aws: Aws) -> None:
    run = aws.running()
    assert claiming(aws, run) == dataclasses.asdict(run)
    first = aws.record()
    assert (first.status, first.reason) == ("RUNNING", run.reason)
    claiming(aws, run)
    assert aws.record() == first
    assert [item.run_id for item in aws.table.runs()] == [RUN_ID]


def test_given_no_lock_when_claimed_then_it_is_taken(aws: Aws) -> None:
    run = aws.running(locked=False)
    claiming(aws, run)
    lock = aws.table.lock()
    assert lock is not None
    assert lock.run == run


def test_given_another_active_run_when_claimed_then_its_lock_is_not_touched(aws: Aws) -> None:
    aws.running("20261102-100000-ffffff")
    run = aws.running(locked=False)
    with pytest.raises(RunInProgressError, match="run 20261102-100000-ffffff is active"):
        claiming(aws, run)
    lock = aws.table.lock()
    assert lock is not None
    assert lock.owner == "20261102-100000-ffffff"
    assert list(aws.table.runs()) == []


def test_given_a_dead_owner_when_claimed_then_the_lock_is_taken_over(aws: Aws) -> None:
    aws.running("20261102-100000-ffffff")
    aws.end("20261102-100000-ffffff", "TIMED_OUT")
    claiming(aws, aws.running(locked=False))
    lock = aws.table.lock()
    assert lock is not None
    assert lock.owner == RUN_ID


def test_given_an_execution_started_by_hand_with_another_run_s_input_when_claimed_then_it_is_refused(aws: Aws) -> None:
    run = aws.running()
    with pytest.raises(RunInProgressError, match="runs are started by the gate"):
        claiming(aws, run, name="by-hand")


@pytest.mark.parametrize("owner", [None, "20261102-120000-ffffff"])
def test_given_a_turn_that_is_over_when_redriven_then_nothing_is_started_published_or_committed(
    aws: Aws, owner: str | None
) -> None:
    if owner:
        aws.hold(owner)
    waiting = {"token": "t", "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE}
    state = {"run": {"run_id": RUN_ID}, "outcome": "PROMOTED", "error": {"Error": "Boom"}}
    late: list[tuple[Any, dict[str, Any]]] = [
        (start_prepare, {**waiting, "snapshot_key": "k", "parent_version": None}),
        (start_training, {**waiting, "version": "v1", "attempt": {}}),
        (start_evaluation, {**waiting, "version": "v1", "model_artifact": "s3://b/k"}),
        (register, {**waiting, "version": "v1", "model_artifact": "s3://b/k", "mask_ap": 0.5}),
        (publish, {**waiting, "model_artifact": "s3://b/k", "champion_run_id": None}),
        (restore, {"state": state}),
        (commit, {"state": state}),
    ]
    for function, event in late:
        with pytest.raises(RunInProgressError, match="force a run instead of a redrive"):
            function.handler(event, None)
    assert aws.sagemaker.calls == []
    assert list(aws.table.jobs()) == []
