"""Rungs, resumptions and half batches."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contracts import errors
from app.contracts.runs import TrainingAttempt
from app.contracts.settings import Rung, TrainingSettings
from lambdas.decisions.ladder import BATCH_SIZES, hyperparameters, next_attempt
from lambdas.events import Attempt, StateError

SETTINGS = TrainingSettings(
    ladder=(
        Rung(("ml.g5.xlarge",), spot=True, max_wait_seconds=50_000),
        Rung(("ml.g6.xlarge",), spot=True, max_wait_seconds=50_000),
        Rung(("ml.g5.xlarge", "ml.g6.xlarge"), spot=False),
    ),
    hyperparameters={"preset": "r50", "batch_size_per_gpu": "4"},
)
SPENT = TrainingAttempt("j-1", "Stopped", "ml.g5.xlarge", True, 100, 40, 1, errors.TRAIN_CAPACITY)


def after(error: str, attempt: Attempt = Attempt(), settings: TrainingSettings = SETTINGS) -> Attempt:  # noqa: B008
    return next_attempt(settings, attempt, StateError(error, "{}"))


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (errors.TRAIN_CAPACITY, {"rung": 1}),
        (errors.TRAIN_INTERNAL, {"internal_errors": 1}),
        (errors.TRAIN_TIME_LIMIT, {"time_limits": 1}),
        (errors.TRAIN_MEMORY, {"memory_errors": 1}),
    ],
)
def test_given_a_first_attempt_when_it_fails_then_the_table_says_what_is_tried(
    error: str, changed: dict[str, Any]
) -> None:
    result = after(error)
    assert dataclasses.replace(result, history=()) == Attempt(number=2, **changed)
    assert [spent.error for spent in result.history] == [error]


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        (errors.TRAIN_CAPACITY, Attempt(number=3, rung=2)),
        (errors.TRAIN_INTERNAL, Attempt(number=3, internal_errors=2)),
        (errors.TRAIN_TIME_LIMIT, Attempt(number=2, time_limits=1)),
        (errors.TRAIN_MEMORY, Attempt(number=3, memory_errors=2)),  # 4, 2 and 1 images have been tried
        (errors.TRAIN_MEMORY, Attempt(number=4, memory_errors=3)),
        (errors.TRAIN_DATA, Attempt()),
        (errors.TRAIN_CONFIG, Attempt()),
        (errors.TRAIN_STOPPED, Attempt()),
        (errors.TRAIN_ALGORITHM, Attempt()),
    ],
)
def test_given_nothing_left_to_try_when_an_attempt_fails_then_the_run_ends(error: str, attempt: Attempt) -> None:
    result = after(error, attempt)
    assert not result.again
    assert result.number == attempt.number
    assert len(result.history) == len(attempt.history) + 1


def test_given_a_described_attempt_when_it_failed_then_its_seconds_reach_the_record() -> None:
    cause = json.dumps({"message": "no machine", "attempt": dataclasses.asdict(SPENT)})
    assert next_attempt(SETTINGS, Attempt(), StateError(errors.TRAIN_CAPACITY, cause)).history == (SPENT,)


@pytest.mark.parametrize(("memory_errors", "expected"), [(0, None), (1, "1"), (3, "3")])
def test_given_memory_ran_out_when_tried_again_then_the_program_is_told_to_halve(
    memory_errors: int, expected: str | None
) -> None:
    result = hyperparameters(SETTINGS, Attempt(memory_errors=memory_errors))
    assert result.pop("batch_halvings", None) == expected
    assert result == {"preset": "r50", "batch_size_per_gpu": "4"}


@pytest.mark.parametrize("name", BATCH_SIZES)
@pytest.mark.parametrize(("batch", "memory_errors", "again"), [("1", 0, False), ("2", 0, True), ("2", 1, False),
                                                               ("3", 1, False), ("64", 2, True), ("64", 3, False)])
def test_given_a_batch_under_any_name_when_memory_runs_out_then_it_is_halved_down_to_one_image(
    name: str, batch: str, memory_errors: int, again: bool
) -> None:
    settings = TrainingSettings(hyperparameters={name: batch})
    assert after(errors.TRAIN_MEMORY, Attempt(memory_errors=memory_errors), settings).again is again


def test_given_the_batch_of_a_preset_when_memory_runs_out_then_three_halvings_are_tried() -> None:
    attempt, tried = Attempt(), []
    while (attempt := after(errors.TRAIN_MEMORY, attempt, TrainingSettings(hyperparameters={}))).again:
        tried.append(hyperparameters(SETTINGS, attempt)["batch_halvings"])
    assert tried == ["1", "2", "3"]
    assert [spent.batch_halvings for spent in attempt.history] == [0, 1, 2, 3]


def test_given_a_batch_of_one_when_memory_runs_out_then_there_is_nothing_to_halve() -> None:
    settings = TrainingSettings(hyperparameters={"batch_size_per_gpu": "1"})
    assert not after(errors.TRAIN_MEMORY, settings=settings).again


@given(st.lists(st.sampled_from([errors.TRAIN_CAPACITY, errors.TRAIN_INTERNAL, errors.TRAIN_TIME_LIMIT,
                                 errors.TRAIN_MEMORY, errors.TRAIN_DATA]), min_size=12, max_size=12))  # fmt: skip
def test_given_any_failures_when_tried_again_then_names_never_repeat_and_it_ends(failing: list[str]) -> None:
    attempt, numbers = Attempt(), []
    for error in failing:
        if not attempt.again:
            break
        numbers.append(attempt.number)
        attempt = after(error, attempt)
    assert not attempt.again
    assert numbers == list(range(1, len(numbers) + 1))
    assert attempt.rung < len(SETTINGS.ladder)
