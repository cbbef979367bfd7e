"""What to try after a training attempt failed: another rung, a resumption, half the batch, or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from app.contracts import errors
from app.contracts.documents import from_plain
from app.contracts.runs import TrainingAttempt
from app.contracts.settings import TrainingSettings
from lambdas.decisions import failures
from lambdas.events import Attempt, StateError

INTERNAL_RETRIES = 2
TIME_LIMIT_RESUMES = 1
MEMORY_RETRIES = 1
BATCH_SIZES = ("batch_size_per_gpu", "config:TRAIN.BATCH_SIZE_PER_GPU")
"""The two names of the same hyperparameter; the train program refuses both at once."""


def next_attempt(settings: TrainingSettings, attempt: Attempt, error: StateError) -> Attempt:
    """Decide about the next attempt; each resumes from the checkpoints of the run.

    Capacity moves down the ladder for good: a rung that had no machines is not asked again. The other errors stay
    on their rung.
    """
    spent = _spent(settings, attempt, error)
    after = dataclasses.replace(attempt, number=attempt.number + 1, history=(*attempt.history, spent))
    if error.Error == errors.TRAIN_CAPACITY and attempt.rung + 1 < len(settings.ladder):
        return dataclasses.replace(after, rung=attempt.rung + 1)
    if error.Error == errors.TRAIN_INTERNAL and attempt.internal_errors < INTERNAL_RETRIES:
        return dataclasses.replace(after, internal_errors=attempt.internal_errors + 1)
    if error.Error == errors.TRAIN_TIME_LIMIT and attempt.time_limits < TIME_LIMIT_RESUMES:
        return dataclasses.replace(after, time_limits=attempt.time_limits + 1)
    if error.Error == errors.TRAIN_MEMORY and attempt.memory_errors < MEMORY_RETRIES and _can_halve(settings):
        return dataclasses.replace(after, memory_errors=attempt.memory_errors + 1)
    return dataclasses.replace(after, number=attempt.number, again=False)


def for_run(settings: TrainingSettings, overrides: Mapping[str, str]) -> TrainingSettings:
    """The settings of one run, whose hyperparameters may override the deployment's.

    Raises:
        ContractError: a value breaks a rule of the settings.
    """
    return dataclasses.replace(settings, hyperparameters=settings.hyperparameters | dict(overrides))


def hyperparameters(settings: TrainingSettings, attempt: Attempt) -> dict[str, str]:
    """The settings' hyperparameters, with the batch halved once for each time that memory ran out.

    The schedule counts images, so a smaller batch takes more steps and sees the same data. Where the settings
    leave the batch to the preset it becomes one image, the smallest there is.
    """
    if attempt.memory_errors == 0:
        return dict(settings.hyperparameters)
    name, batch = _batch(settings)
    return settings.hyperparameters | {name: str(max(batch // 2**attempt.memory_errors, 1))}


def _batch(settings: TrainingSettings) -> tuple[str, int]:
    """Name and value of the batch size; 2 where the preset decides, so that half of it is 1."""
    given = [(name, settings.hyperparameters[name]) for name in BATCH_SIZES if name in settings.hyperparameters]
    name, text = given[0] if given else (BATCH_SIZES[0], "")
    return name, int(text) if text.isdecimal() else 2


def _can_halve(settings: TrainingSettings) -> bool:
    return _batch(settings)[1] > 1


def _spent(settings: TrainingSettings, attempt: Attempt, error: StateError) -> TrainingAttempt:
    """The failed attempt for the run record, as resolve described it or as far as it is known here."""
    described = failures.attempt_in(error.Cause)
    if described is not None:
        return from_plain(TrainingAttempt, described)
    rung = settings.ladder[attempt.rung]
    return TrainingAttempt(
        job_name="", status="Failed", instance_type=rung.instance_types[0], spot=rung.spot, seconds=0,
        billable_seconds=0, interruptions=0, error=error.Error,
    )  # fmt: skip
