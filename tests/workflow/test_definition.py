"""The definition as a tree: limits, retries, one failing path, and payloads that the functions understand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from app.contracts.settings import (
    PipelineSettings,
    ProcessingSettings,
    PromotionSettings,
    Rung,
    ServingSettings,
    TrainingSettings,
)
from infra.workflow.definition import definition
from infra.workflow.tasks import HEARTBEAT_SECONDS
from lambdas import events

FUNCTIONS = (
    "claim", "recall", "snapshot", "find_image", "start_prepare", "start_training", "next_attempt", "start_evaluation",
    "compare", "register", "withdraw", "publish", "verify", "restore", "commit", "finish", "fail_run",
)  # fmt: skip
ARNS = {name: f"arn:aws:lambda:eu-west-1:123456789012:function:castline-dev-{name}" for name in FUNCTIONS}
TREE = definition(settings=PipelineSettings("dev"), function_arns=ARNS, build_project="castline-dev-image")
STATES: dict[str, dict[str, Any]] = TREE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
WAITING = {name: state for name, state in TASKS.items() if state["Resource"].endswith(".waitForTaskToken")}

LAMBDA_ERRORS = {
    "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
    "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
}  # fmt: skip
HANDED_OVER: dict[str, type] = {
    "Claim": events.ClaimEvent, "Snapshot": events.SnapshotEvent, "FindImage": events.FindImageEvent,
    "FindBuiltImage": events.FindImageEvent, "Prepare": events.PrepareEvent, "Train": events.TrainEvent,
    "NextAttempt": events.NextAttemptEvent, "Evaluate": events.EvaluateEvent, "Compare": events.CompareEvent,
    "Register": events.RegisterEvent, "Publish": events.PublishEvent, "Verify": events.VerifyEvent,
    "Restore": events.RestoreEvent, "Commit": events.CommitEvent, "Finish": events.ClosingEvent,
    "FailRun": events.ClosingEvent, "Recall": events.RecallEvent,
    "Withdraw": events.WithdrawEvent,
}  # fmt: skip


def nexts(state: dict[str, Any]) -> set[str]:
    followers = {state.get("Next"), state.get("Default")}
    followers |= {rule["Next"] for rule in (*state.get("Choices", ()), *state.get("Catch", ()))}
    return {name for name in followers if name}


def payload(state: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = state["Parameters"].get("Payload", state["Parameters"])
    return given


def test_given_the_definition_then_every_state_can_be_reached_and_every_next_exists() -> None:
    seen: set[str] = set()
    frontier = {TREE["StartAt"]}
    while frontier:
        seen |= frontier
        frontier = {name for state in frontier for name in nexts(STATES[state])} - seen
    assert seen == set(STATES)


@pytest.mark.parametrize("name", TASKS)
def test_given_a_task_then_it_has_a_limit_named_retries_with_jitter_and_a_catch_of_everything(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"] > 0
    assert task["Retry"]
    for rule in task["Retry"]:
        assert "States.ALL" not in rule["ErrorEquals"]
        assert "States.TaskFailed" not in rule["ErrorEquals"]
        assert rule["JitterStrategy"] == "FULL"
        assert rule["BackoffRate"] > 1
        assert rule["IntervalSeconds"] * rule["BackoffRate"] ** rule["MaxAttempts"] < 86_400 or rule["MaxDelaySeconds"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert all(rule["ResultPath"] == "$.error" for rule in task["Catch"])


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"BuildImage"}))
def test_given_a_function_s_state_then_lambda_hiccups_are_tried_six_times(name: str) -> None:
    [rule] = [r for r in TASKS[name]["Retry"] if set(r["ErrorEquals"]) == LAMBDA_ERRORS]
    assert (rule["IntervalSeconds"], rule["MaxAttempts"], rule["BackoffRate"]) == (2, 6, 2.0)


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"BuildImage"}))
@pytest.mark.parametrize("error", ["Runtime.ExitError", "Lambda.Unknown", "Sandbox.Timedout"])
def test_given_a_function_that_was_killed_or_took_too_long_then_it_is_called_again(name: str, error: str) -> None:
    assert any(error in rule["ErrorEquals"] for rule in TASKS[name]["Retry"])


def test_given_any_failure_then_it_ends_in_fail_run_by_way_of_restore_where_the_endpoint_was_touched() -> None:
    last = {name: task["Catch"][-1]["Next"] for name, task in TASKS.items()}
    assert last.pop("FailRun") == "FailedUnrecorded"
    assert {name for name, where in last.items() if where == "Restore"} == {"Publish", "Verify"}
    assert set(last.values()) == {"Restore", "FailRun"}
    assert STATES["FailRun"]["Next"] == "Failed"


def test_given_another_run_holds_the_lock_then_the_run_ends_without_touching_anything() -> None:
    [rule] = [r for r in STATES["Claim"]["Catch"] if "RunInProgressError" in r["ErrorEquals"]]
    assert STATES[rule["Next"]]["Type"] == "Fail"
    assert STATES["Claim"]["Catch"].index(rule) == 0


@pytest.mark.parametrize("name", WAITING)
def test_given_a_waiting_state_then_it_must_be_heartbeaten_and_attaches_again(name: str) -> None:
    state = WAITING[name]
    assert state["HeartbeatSeconds"] == HEARTBEAT_SECONDS < state["TimeoutSeconds"]
    assert payload(state)["token.$"] == "$$.Task.Token"
    assert any("States.HeartbeatTimeout" in rule["ErrorEquals"] for rule in state["Retry"])


def test_given_the_definition_then_exactly_the_long_steps_wait() -> None:
    assert set(WAITING) == {"Prepare", "Train", "Evaluate", "Register", "Publish"}


@pytest.mark.parametrize("name", HANDED_OVER)
def test_given_a_state_then_its_payload_is_what_its_function_takes(name: str) -> None:
    fields = {field.name for field in dataclasses.fields(HANDED_OVER[name])}
    assert {key.removesuffix(".$") for key in payload(TASKS[name])} == fields


def test_given_the_functions_of_the_definition_then_all_are_used() -> None:
    used = {payload_or_self["FunctionName"] if "FunctionName" in payload_or_self else task["Resource"]
            for task in TASKS.values() for payload_or_self in [task["Parameters"]]}  # fmt: skip
    assert used - {"arn:aws:states:::codebuild:startBuild.sync"} == set(ARNS.values())


def test_given_settings_then_the_limits_of_time_follow_them() -> None:
    settings = PipelineSettings(
        "dev",
        processing=ProcessingSettings(max_runtime_seconds=60),
        training=TrainingSettings(ladder=(Rung(("ml.g5.xlarge",), True, 90_000), Rung(("ml.g5.xlarge",), False)),
                                  max_runtime_seconds=70_000),
        serving=ServingSettings(update_timeout_seconds=20_000),
    )  # fmt: skip
    states = definition(settings=settings, function_arns=ARNS, build_project="p")["States"]
    assert states["Prepare"]["TimeoutSeconds"] > max(60, HEARTBEAT_SECONDS)
    assert states["Train"]["TimeoutSeconds"] > 90_000
    assert states["Train"]["TimeoutSeconds"] > 70_000 + 3_600
    assert states["Publish"]["TimeoutSeconds"] > 20_000


def test_given_a_person_is_asked_then_the_setting_says_for_how_long() -> None:
    settings = PipelineSettings("dev", promotion=PromotionSettings(approval_timeout_seconds=100_000))
    states = definition(settings=settings, function_arns=ARNS, build_project="p")["States"]
    assert states["Register"]["TimeoutSeconds"] == 100_000 > states["Register"]["HeartbeatSeconds"]


def test_given_a_quota_then_it_is_waited_for_between_ten_minutes_and_two_hours() -> None:
    for name in ("Prepare", "Train", "Evaluate"):
        [rule] = [r for r in STATES[name]["Retry"] if "TrainQuotaError" in r["ErrorEquals"]]
        assert (rule["IntervalSeconds"], rule["MaxAttempts"], rule["MaxDelaySeconds"]) == (600, 12, 7200)
