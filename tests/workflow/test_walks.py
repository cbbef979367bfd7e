"""Runs through the state machine with canned answers: every branch, with every path resolved strictly."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from app.contracts.documents import from_plain
from app.contracts.jobs import JobResult
from app.contracts.runs import RunInput
from app.contracts.settings import PipelineSettings
from infra.workflow.definition import BUILD, definition
from lambdas.decisions import ladder
from lambdas.events import Attempt, NextAttemptEvent
from tests.workflow.test_definition import ARNS
from tests.workflow.walker import Handler, StateFailure, Walk, walk

SETTINGS = PipelineSettings("dev")
TREE = definition(settings=SETTINGS, function_arns=ARNS, build_project="castline-dev-image")
RUN = dataclasses.asdict(RunInput("r1", "why", "t"))
IMAGE = {"found": True, "image_uri": "repo@sha256:1"}


def job(kind: str, status: str = "Completed", **more: Any) -> dict[str, Any]:
    return dataclasses.asdict(JobResult("job", kind, status, 10, 10, **more))  # type: ignore[arg-type]


def next_attempt(event: dict[str, Any]) -> dict[str, Any]:
    failed = from_plain(NextAttemptEvent, event)
    return dataclasses.asdict(ladder.next_attempt(SETTINGS.training, failed.attempt, failed.error))


ANSWERS: dict[str, Any] = {
    "claim": RUN,
    "recall": {"run_id": "r0", "image_uri": "repo@sha256:0", "model_artifact": "s3://b/r0.tar.gz",
               "champion_run_id": "r9", "mask_ap": 0.4, "champion_ap": 0.5},
    "snapshot": {"snapshot_key": "k", "parent_version": None, "objects": 3, "total_bytes": 9, "proceed": True},
    "find_image": IMAGE,
    "start_prepare": job("processing", detail={"version": "v1", "changed": True}),
    "start_training": job("training", model_artifact="s3://b/model.tar.gz"),
    "next_attempt": next_attempt,
    "start_evaluation": job("processing", detail={"champion_run_id": None}),
    "compare": {"promote": True, "reasons": ["better"], "challenger_ap": 0.4, "champion_ap": None,
                "gain_low": None, "gain_high": None},
    "register": job("approval", "Approved", detail={"model_package_arn": "arn:p/1", "note": ""}),
    "withdraw": job("approval", "Rejected", detail={"model_package_arn": "arn:p/1", "note": "nobody decided"}),
    "publish": job("endpoint", "InService"),
    "verify": {"golden_images": 5},
    "restore": {"serves": "champion r0 serves"},
    "commit": {"promoted": True},
    "finish": {"status": "SUCCEEDED", "outcome": "PROMOTED"},
    "fail_run": lambda event: {"error": event["state"]["error"]["Error"], "cause": event["state"]["error"]["Cause"]},
}  # fmt: skip


class Calls:
    """Answers by function; remembers what each was asked."""

    def __init__(self, **changes: Any) -> None:
        self.answers = ANSWERS | changes
        self.asked: dict[str, list[dict[str, Any]]] = {name: [] for name in ARNS}
        self.builds = 0

    def functions(self) -> dict[str, Handler]:
        return {ARNS[name]: self._handler(name) for name in ARNS} | {BUILD: self._build}

    def _build(self, _: dict[str, Any]) -> None:
        self.builds += 1

    def _handler(self, name: str) -> Handler:
        def handle(event: dict[str, Any]) -> Any:
            self.asked[name].append(event)
            answer = self.answers[name]
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if isinstance(answer, Exception):
                raise answer
            return answer(event) if callable(answer) else answer

        return handle

    @property
    def ladder(self) -> list[tuple[int, int]]:
        """(attempt number, rung) of each training."""
        return [(e["attempt"]["number"], e["attempt"]["rung"]) for e in self.asked["start_training"]]


def go(**changes: Any) -> tuple[Walk, Calls]:
    calls = Calls(**changes)
    return walk(TREE, RUN, calls.functions()), calls


def tasks(done: Walk) -> list[str]:
    return [name for name in done.visited if TREE["States"][name]["Type"] == "Task"]


def changed(name: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ANSWERS[name] | more
    return answer


def test_given_a_better_model_then_it_is_published_committed_and_finished() -> None:
    done, calls = go()
    assert done.status == "SUCCEEDED"
    assert tasks(done) == ["Claim", "Snapshot", "FindImage", "Prepare", "Train", "Evaluate", "Compare", "Register",
                           "Publish", "Verify", "Commit", "Finish"]  # fmt: skip
    assert calls.asked["commit"][0]["state"]["outcome"] == "PROMOTED"
    published = calls.asked["publish"][0]
    assert (published["champion_run_id"], published["model_run_id"]) == (None, "r1")
    assert [asked["run_id"] for asked in calls.asked["verify"]] == ["r1"]
    assert calls.ladder == [(1, 0)]


def rolling_back(**changes: Any) -> tuple[Walk, Calls]:
    return go(claim=RUN | {"rollback_to": "r0", "rollback_from": "r9"}, **changes)


def test_given_a_champion_of_before_then_it_is_published_and_proven_like_a_new_one_and_nothing_is_trained() -> None:
    done, calls = rolling_back()
    assert done.status == "SUCCEEDED"
    assert tasks(done) == ["Claim", "Recall", "Publish", "Verify", "Commit", "Finish"]
    asked = calls.asked["publish"][0]
    assert (asked["run_id"], asked["model_run_id"], asked["model_artifact"]) == ("r1", "r0", "s3://b/r0.tar.gz")
    assert (asked["image_uri"], asked["champion_run_id"]) == ("repo@sha256:0", "r9")
    assert [asked["run_id"] for asked in calls.asked["verify"]] == ["r0"]
    assert calls.asked["commit"][0]["state"]["outcome"] == "ROLLED_BACK"


@pytest.mark.parametrize(
    ("function", "error", "restored"),
    [("recall", "RollbackRefusedError", False), ("publish", "PublishFailedError", True),
     ("verify", "PublishUnfaithfulError", True), ("commit", "ChampionMovedError", True)],
)
def test_given_a_rollback_that_fails_then_the_champion_serves_if_the_endpoint_was_touched(
    function: str, error: str, restored: bool
) -> None:
    done, calls = rolling_back(**{function: StateFailure(error, "why")})
    assert (done.status, done.error, done.cause) == ("FAILED", error, "why")
    assert bool(calls.asked["restore"]) is restored
    assert calls.asked["finish"] == []


@pytest.mark.parametrize(
    ("changes", "outcome", "last"),
    [
        ({"snapshot": changed("snapshot", proceed=False)}, "NOTHING_NEW", "Snapshot"),
        ({"start_prepare": job("processing", detail={"version": "v1", "changed": False})}, "NOTHING_NEW", "Prepare"),
        ({"compare": changed("compare", promote=False)}, "NOT_PROMOTED", "Compare"),
        ({"register": job("approval", "Rejected", detail={"model_package_arn": "a"})}, "REJECTED", "Register"),
    ],
)
def test_given_no_model_to_publish_then_the_data_are_committed_all_the_same(
    changes: dict[str, Any], outcome: str, last: str
) -> None:
    done, calls = go(**changes)
    assert done.status == "SUCCEEDED"
    assert tasks(done)[-3:] == [last, "Commit", "Finish"]
    assert calls.asked["commit"][0]["state"]["outcome"] == calls.asked["finish"][0]["state"]["outcome"] == outcome


def test_given_nobody_decides_in_time_then_the_model_is_rejected_and_the_data_are_committed() -> None:
    done, calls = go(register=StateFailure("States.Timeout"))
    assert done.status == "SUCCEEDED"
    assert tasks(done)[-4:] == ["Register", "Withdraw", "Commit", "Finish"]
    assert calls.asked["withdraw"] == [{"run_id": "r1"}]
    assert calls.asked["finish"][0]["state"]["outcome"] == "REJECTED"
    assert calls.asked["finish"][0]["state"]["registration"]["detail"]["note"] == "nobody decided"


def test_given_an_answer_in_the_last_second_then_it_counts() -> None:
    approved = job("approval", "Approved", detail={"model_package_arn": "arn:p/1"})
    done, _ = go(register=StateFailure("States.Timeout"), withdraw=approved)
    assert tasks(done)[-5:] == ["Withdraw", "Publish", "Verify", "Commit", "Finish"]


@pytest.mark.parametrize("function", ["register", "withdraw"])
def test_given_lost_heartbeats_or_a_registry_that_fails_while_a_person_is_asked_then_the_run_fails(
    function: str,
) -> None:
    errors = {"register": StateFailure("States.HeartbeatTimeout"), "withdraw": StateFailure("Boom")}
    answers = {"register": StateFailure("States.Timeout")} | {function: errors[function]}
    done, calls = go(**answers)
    assert (done.status, done.error) == ("FAILED", errors[function].error)
    assert len(calls.asked["fail_run"]) == 1


def test_given_an_unchanged_version_when_a_person_forces_then_it_is_trained_again() -> None:
    unchanged = job("processing", detail={"version": "v1", "changed": False})
    done, _ = go(claim=RUN | {"forced": True}, start_prepare=unchanged)
    assert "Train" in done.visited


def test_given_no_image_then_it_is_built_once_and_looked_for_again() -> None:
    done, calls = go(find_image=[{"found": False, "image_uri": ""}, IMAGE])
    assert (done.status, calls.builds) == ("SUCCEEDED", 1)
    assert [event["required"] for event in calls.asked["find_image"]] == [False, True]
    assert calls.asked["start_prepare"][0]["image_uri"] == IMAGE["image_uri"]


def attempt_failure(error: str) -> StateFailure:
    return StateFailure(error, json.dumps({"message": "sorry", "attempt": None}))


def test_given_no_capacity_then_training_goes_down_the_ladder_and_its_history_is_kept() -> None:
    no_machines = attempt_failure("TrainCapacityError")
    done, calls = go(start_training=[no_machines, no_machines, no_machines, ANSWERS["start_training"]])
    assert done.status == "SUCCEEDED"
    assert calls.ladder == [(1, 0), (2, 1), (3, 2), (4, 3)]
    history = from_plain(Attempt, calls.asked["finish"][0]["state"]["attempt"]).history
    assert [attempt.error for attempt in history] == ["TrainCapacityError"] * 3


def test_given_no_capacity_anywhere_then_the_run_fails_with_the_reason() -> None:
    done, calls = go(start_training=attempt_failure("TrainCapacityError"))
    assert (done.status, done.error) == ("FAILED", "TrainCapacityError")
    assert len(calls.ladder) == len(SETTINGS.training.ladder)


@pytest.mark.parametrize("error", ["TrainDataError", "TrainStopped", "TrainConfigError", "TrainAlgorithmError"])
def test_given_an_error_that_no_attempt_cures_then_the_run_fails_at_once(error: str) -> None:
    done, calls = go(start_training=attempt_failure(error))
    assert (done.status, done.error, calls.ladder) == ("FAILED", error, [(1, 0)])
    assert tasks(done)[-1] == "FailRun"


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.Timeout"])
def test_given_a_lost_token_then_the_same_attempt_is_attached_again(error: str) -> None:
    done, calls = go(start_training=[StateFailure(error), ANSWERS["start_training"]])
    assert (done.status, calls.ladder) == ("SUCCEEDED", [(1, 0), (1, 0)])


def test_given_a_quota_then_the_same_attempt_waits_twelve_times_and_the_run_fails() -> None:
    done, calls = go(start_training=StateFailure("TrainQuotaError", "limit is 0"))
    assert (done.error, len(calls.ladder)) == ("TrainQuotaError", 13)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("publish", "PublishFailedError"),
        ("verify", "PublishUnfaithfulError"),
        ("commit", "ChampionMovedError"),
        ("commit", "HeadMovedError"),
    ],
)
def test_given_a_failed_publication_then_the_champion_is_restored_before_the_run_fails(name: str, error: str) -> None:
    done, calls = go(**{name: StateFailure(error, "why")})
    assert (done.status, done.error, done.cause) == ("FAILED", error, "why")
    assert tasks(done)[-2:] == ["Restore", "FailRun"]
    assert calls.asked["restore"][0]["state"]["registration"]["detail"]["model_package_arn"] == "arn:p/1"
    assert calls.asked["fail_run"][0]["state"]["restoration"] == ANSWERS["restore"]


def test_given_a_rolled_back_data_set_under_a_run_that_promotes_nothing_then_its_own_error_is_told() -> None:
    worse = {**ANSWERS["compare"], "promote": False}
    done, calls = go(compare=worse, commit=StateFailure("HeadMovedError", "why"))
    assert (done.status, done.error, done.cause) == ("FAILED", "HeadMovedError", "why")
    assert "registration" not in calls.asked["restore"][0]["state"]


def test_given_an_endpoint_that_is_busy_then_restoring_goes_on_until_it_is_there() -> None:
    busy = StateFailure("EndpointBusyError")
    done, calls = go(verify=StateFailure("PublishUnfaithfulError"), restore=[busy, busy, ANSWERS["restore"]])
    assert (done.error, len(calls.asked["restore"])) == ("PublishUnfaithfulError", 3)


def test_given_another_run_then_this_one_ends_without_the_failing_path() -> None:
    done, calls = go(claim=StateFailure("RunInProgressError"))
    assert (done.visited, done.error) == (["Claim", "NotOurTurn"], "RunInProgressError")
    assert calls.asked["fail_run"] == []


def test_given_the_failing_path_fails_then_the_execution_still_ends() -> None:
    done, _ = go(snapshot=StateFailure("KeyError"), fail_run=StateFailure("ClientError"))
    assert (done.status, done.error) == ("FAILED", "FailRunError")


@pytest.mark.parametrize("name", sorted(set(ARNS) - {"recall", "next_attempt", "withdraw", "restore", "fail_run"}))
def test_given_any_state_breaks_then_every_path_resolves_and_the_run_fails_with_its_error(name: str) -> None:
    done, calls = go(**{name: StateFailure("Boom", "why")})
    assert (done.status, done.error, done.cause) == ("FAILED", "Boom", "why")
    assert len(calls.asked["fail_run"]) == 1
