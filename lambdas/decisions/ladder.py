"""What to try after a training attempt failed: another rung, a resumption, half the batch, or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from app.contracts import errors
from app.contracts.attempts import INTERNAL_RETRIES, MEMORY_RETRIES, TIME_LIMIT_RESUMES
from app.contracts.documents import from_plain
from app.contracts.runs import TrainingAttempt
from app.contracts.settings import TrainingSettings
from lambdas.decisions import failures
from lambdas.events import Attempt, StateError

HALVINGS = "batch_halvings"
"""Tells the train program how often to halve its batch, whichever preset or name it comes from."""
BATCH_SIZES = ("batch_size_per_gpu", "config:TRAIN.BATCH_SIZE_PER_GPU", "IMAGES_PER_GPU", "batch-size")
"""The names of the batch size, as far as the pipeline must know it: a batch of one image has no half."""


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
    if error.Error == errors.TRAIN_MEMORY and _can_halve(settings, attempt):
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

    The schedule counts images, so a smaller batch takes more steps and sees the same data.
    """
    halvings = {HALVINGS: str(attempt.memory_errors)} if attempt.memory_errors else {}
    return settings.hyperparameters | halvings


def _can_halve(settings: TrainingSettings, attempt: Attempt) -> bool:
    """Whether a smaller batch is left to try; where the preset decides about it, the program knows the least."""
    given = next((settings.hyperparameters[name] for name in BATCH_SIZES if name in settings.hyperparameters), "")
    batch = int(given) if given.isdecimal() else 2**MEMORY_RETRIES
    return attempt.memory_errors < MEMORY_RETRIES and batch // 2**attempt.memory_errors > 1


def _spent(settings: TrainingSettings, attempt: Attempt, error: StateError) -> TrainingAttempt:
    """The failed attempt for the run record, as resolve described it or as far as it is known here."""
    described = failures.attempt_in(error.Cause)
    if described is not None:
        return from_plain(TrainingAttempt, described)
    rung = settings.ladder[attempt.rung]
    return TrainingAttempt(
        job_name="", status="Failed", instance_type=rung.instance_types[0], spot=rung.spot, seconds=0,
        billable_seconds=0, interruptions=0, error=error.Error, batch_halvings=attempt.memory_errors,
    )  # fmt: skip
