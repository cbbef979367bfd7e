"""From SageMaker's words to error names."""

from __future__ import annotations

import json

import pytest

from app.contracts import documents
from app.contracts.errors import Failure
from lambdas.decisions import failures


def reason(code: str, message: str = "cast_12.png: mask 3 reaches x=530 in an image 512 wide") -> str:
    return f"AlgorithmError: {documents.to_json(Failure(code, message))}, exit code: 1"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (reason("DATA_INVALID"), "DataError"),
        (reason("DATA_TOO_MANY_BAD"), "DataError"),
        (reason("DATA_TOO_FEW"), "DataError"),
        (reason("CONFIG_INVALID"), "ConfigError"),
        (reason("OUT_OF_MEMORY"), "MemoryError"),
        (reason("LOSS_NOT_FINITE"), "AlgorithmError"),
        (reason("CHECKPOINT_MISMATCH"), "AlgorithmError"),
        (reason("INTERNAL"), "AlgorithmError"),
        ("CapacityError: Unable to provision requested ML compute capacity.", "CapacityError"),
        ("InternalServerError: We encountered an internal error. Please try again.", "InternalError"),
        ("ResourceLimitExceeded: the account-level limit is 0 instances", "QuotaError"),
        ("ClientError: Data download failed: no objects below the prefix", "ConfigError"),
        ("AlgorithmError: , exit code: 137", "MemoryError"),
        ("AlgorithmError: CUDA_ERROR_OUT_OF_MEMORY: out of memory, exit code: 1", "MemoryError"),
        ("AlgorithmError: something, exit code: 1", "AlgorithmError"),
        ("", "AlgorithmError"),
    ],
)
@pytest.mark.parametrize("family", ["Train", "Job"])
def test_given_a_failure_reason_when_classified_then_the_error_name_follows_the_table(
    text: str, kind: str, family: failures.Family
) -> None:
    assert failures.failed(family, text).error == f"{family}{kind}"


def test_given_a_failure_file_when_classified_then_the_message_is_the_container_s_sentence() -> None:
    found = failures.failed("Job", reason("DATA_INVALID", 'cast "12": mask {3}'))
    assert found.message == 'DATA_INVALID: cast "12": mask {3}'


def test_given_a_failure_file_cut_off_at_1024_characters_when_classified_then_the_code_still_counts() -> None:
    found = failures.failed("Train", reason("DATA_TOO_FEW", "x" * 2000)[:1024])
    assert found.error == "TrainDataError"
    assert found.message.startswith("DATA_TOO_FEW: xxx")


def test_given_a_processing_job_when_only_its_exit_message_has_the_code_then_it_is_found() -> None:
    found = failures.failed("Job", "AlgorithmError: See job logs", reason("DATA_TOO_MANY_BAD"))
    assert found.error == "JobDataError"


@pytest.mark.parametrize(
    ("secondary", "error"),
    [
        ("MaxWaitTimeExceeded", "TrainCapacityError"),
        ("MaxRuntimeExceeded", "TrainTimeLimitError"),
        ("Stopped", "TrainStopped"),
        ("", "TrainStopped"),
    ],
)
def test_given_a_stopped_job_when_classified_then_limits_and_persons_differ(secondary: str, error: str) -> None:
    assert failures.stopped("Train", secondary, "job-1").error == error


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (json.dumps({"errorType": "TrainQuotaError", "errorMessage": "limit is 0"}), "limit is 0"),
        (json.dumps({"message": "no spot machine", "attempt": None}), "no spot machine"),
        ("plain words", "plain words"),
        ("[1]", "[1]"),
    ],
)
def test_given_a_cause_when_shown_then_only_its_sentence_is(cause: str, words: str) -> None:
    assert failures.sentence(cause) == words


def test_given_an_unknown_kind_when_named_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="TrainNonsense: no such error"):
        failures.named("Train", "Nonsense")
