"""Tokens before jobs, adoption, and answers that only Describe decides."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest

from app.contracts import keys
from lambdas import next_attempt, resolve, start_evaluation, start_prepare, start_training
from lambdas.errors import JobQuotaError, TrainConfigError, TrainQuotaError
from lambdas.events import Attempt
from tests.lambdas.builders import IMAGE, PREPARED, RUN_ID, evaluation
from tests.lambdas.conftest import EVENTS, Aws
from tests.lambdas.fakes import client_error

TRAIN, PREPARE = f"castline-dev-{RUN_ID}-train-1", f"castline-dev-{RUN_ID}-prepare-1"
EVALUATE = f"castline-dev-{RUN_ID}-evaluate-1"
FIRST = "token-1"


def waiting(aws: Aws, token: str = FIRST, **more: Any) -> dict[str, Any]:
    aws.hold()
    return {"token": token, "execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE, **more}


def train(aws: Aws, token: str = FIRST, attempt: Attempt = Attempt()) -> dict[str, Any]:  # noqa: B008
    event = waiting(aws, token, version="v1", attempt=dataclasses.asdict(attempt))
    return start_training.handler(json.loads(json.dumps(event)), None)


def prepare(aws: Aws, token: str = FIRST) -> dict[str, Any]:
    event = waiting(aws, token, snapshot_key=keys.snapshot(RUN_ID), parent_version=None)
    return start_prepare.handler(event, None)


def complete_training(aws: Aws, **more: Any) -> None:
    aws.sagemaker.training[TRAIN].update(
        {"TrainingJobStatus": "Completed", "TrainingTimeInSeconds": 100, "BillableTimeInSeconds": 30,
         "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}, **more}
    )  # fmt: skip


def complete_processing(aws: Aws, name: str) -> None:
    now = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
    aws.sagemaker.processing[name].update(
        ProcessingJobStatus="Completed", ProcessingStartTime=now, ProcessingEndTime=now + dt.timedelta(seconds=7)
    )


def outputs(aws: Aws) -> list[tuple[str, str, Any]]:
    return [(operation, token, json.loads(request.get("output") or request.get("cause") or "null"))
            for operation, token, request in aws.states.answers]  # fmt: skip


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return loaded


def test_given_a_new_attempt_when_started_then_the_token_was_stored_before_the_job_was_created(aws: Aws) -> None:
    seen = []

    def look_into_the_table(operation: str, _: dict[str, Any]) -> None:
        if operation == "create_training_job":
            seen.append(aws.table.job(TRAIN))

    aws.sagemaker.watch = look_into_the_table
    assert train(aws) == {"job_name": TRAIN}
    assert [item.token for item in seen if item] == ["token-1"]


def test_given_a_running_job_when_started_again_then_it_is_adopted_with_the_new_token(aws: Aws) -> None:
    train(aws, "token-1")
    train(aws, "token-2")
    assert len(aws.sagemaker.training) == 1
    item = aws.table.job(TRAIN)
    assert item is not None
    assert (item.token, item.kind, item.execution_arn) == ("token-2", "training", aws.arn())
    assert aws.states.answers == []


def test_given_a_finished_job_when_started_again_then_the_new_token_is_answered_at_once(aws: Aws) -> None:
    train(aws, "token-1")
    complete_training(aws)
    train(aws, "token-2")
    [(operation, token, output)] = outputs(aws)
    assert (operation, token) == ("success", "token-2")
    assert (output["model_artifact"], output["billable_seconds"]) == ("s3://b/model.tar.gz", 30)
    assert aws.table.job(TRAIN) is None


def test_given_an_event_about_a_job_that_still_runs_when_resolved_then_nobody_is_answered(aws: Aws) -> None:
    """The event says Completed; Describe does not."""
    train(aws)
    assert resolve.handler(event("training_completed.json"), None)["settled"] == "pending"
    assert aws.states.answers == []
    assert aws.table.job(TRAIN) is not None


def test_given_an_event_twice_when_resolved_then_the_token_is_answered_once(aws: Aws) -> None:
    train(aws)
    complete_training(aws)
    assert resolve.handler(event("training_completed.json"), None)["settled"] == "answered"
    assert resolve.handler(event("training_completed.json"), None)["settled"] == "nobody waits"
    assert len(aws.states.answers) == 1


def test_given_a_failed_job_when_resolved_then_the_failure_carries_error_sentence_and_attempt(aws: Aws) -> None:
    train(aws)
    aws.sagemaker.training[TRAIN].update(
        TrainingJobStatus="Stopped", SecondaryStatus="MaxWaitTimeExceeded", BillableTimeInSeconds=0
    )
    resolve.handler(event("training_completed.json"), None)
    [(operation, _, cause)] = outputs(aws)
    assert operation == "failure"
    assert aws.states.answers[0][2]["error"] == "TrainCapacityError"
    assert cause["attempt"]["job_name"] == TRAIN
    following = next_attempt.handler(
        {
            "attempt": dataclasses.asdict(Attempt()),
            "error": {"Error": "TrainCapacityError", "Cause": json.dumps(cause)},
        },
        None,
    )
    assert (following["rung"], following["number"], following["history"][0]["job_name"]) == (1, 2, TRAIN)


def test_given_a_run_with_a_batch_of_one_when_memory_runs_out_then_nothing_is_tried_again(aws: Aws) -> None:
    """The deployment's batch of 4 could be halved; this run's own cannot."""
    event = {"attempt": dataclasses.asdict(Attempt()), "error": {"Error": "TrainMemoryError", "Cause": ""}}
    assert next_attempt.handler(event | {"hyperparameters": {}}, None)["again"]
    assert not next_attempt.handler(event | {"hyperparameters": {"batch_size_per_gpu": "1"}}, None)["again"]


def test_given_a_token_that_timed_out_when_resolved_then_it_is_tolerated(aws: Aws) -> None:
    train(aws)
    complete_training(aws)
    aws.states.dead_tokens = {"token-1"}
    assert resolve.handler(event("training_completed.json"), None)["settled"] == "answered"
    assert aws.states.answers == []


def test_given_a_newer_token_when_the_older_one_is_forgotten_then_the_newer_one_stays(aws: Aws) -> None:
    train(aws, "token-1")
    old = aws.table.job(TRAIN)
    assert old is not None
    train(aws, "token-2")
    aws.table.forget_job(old)
    kept = aws.table.job(TRAIN)
    assert kept is not None
    assert kept.token == "token-2"


@pytest.mark.parametrize(
    "unknown", ["training_of_somebody_else.json", "endpoint_in_service.json", "model_package_approved.json"]
)
def test_given_an_event_nobody_waits_for_when_resolved_then_nothing_happens(aws: Aws, unknown: str) -> None:
    assert resolve.handler(event(unknown), None)["settled"] == "nobody waits"


def test_given_an_event_without_a_name_when_resolved_then_it_is_ignored(aws: Aws) -> None:
    assert resolve.handler({"detail": {}}, None)["settled"] == "unknown"


@pytest.mark.parametrize(
    ("code", "start", "operation", "raised"),
    [
        ("ResourceLimitExceeded", train, "create_training_job", TrainQuotaError),
        ("ValidationException", train, "create_training_job", TrainConfigError),
        ("ResourceLimitExceeded", prepare, "create_processing_job", JobQuotaError),
    ],
)
def test_given_sagemaker_refuses_when_started_then_the_state_machine_sees_the_error_by_name(
    aws: Aws, code: str, start: Any, operation: str, raised: type[Exception]
) -> None:
    aws.sagemaker.errors[operation] = [client_error(code, "the account-level limit is 0")]
    with pytest.raises(raised, match=r"castline-dev-.*: the account-level limit is 0"):
        start(aws)


def test_given_prepare_when_it_completes_then_the_state_machine_learns_version_and_change(aws: Aws) -> None:
    prepare(aws)
    document = json.loads(aws.bucket.read_bytes(f"runs/{RUN_ID}/jobs/prepare/job.json"))
    assert (document["snapshot_key"], document["bucket"]) == (f"runs/{RUN_ID}/snapshot/manifest.jsonl", aws.bucket.name)
    complete_processing(aws, PREPARE)
    aws.put(keys.run(RUN_ID, "prepare", "result.json"), PREPARED)
    resolve.handler(event("processing_completed.json"), None)
    [(operation, _, output)] = outputs(aws)
    assert operation == "success"
    assert output["detail"] == {"version": "v2", "changed": True}


def test_given_prepare_completed_without_a_result_when_resolved_then_it_failed(aws: Aws) -> None:
    prepare(aws)
    complete_processing(aws, PREPARE)
    resolve.handler(event("processing_completed.json"), None)
    assert aws.states.answers[0][2]["error"] == "JobAlgorithmError"
    assert "completed without a usable result" in outputs(aws)[0][2]["message"]


def test_given_a_spent_processing_job_when_started_again_then_the_next_name_is_used(aws: Aws) -> None:
    prepare(aws)
    aws.sagemaker.processing[PREPARE].update(ProcessingJobStatus="Failed", FailureReason="InternalServerError: sorry")
    assert prepare(aws, "token-2") == {"job_name": PREPARE.replace("prepare-1", "prepare-2")}
    assert prepare(aws, "token-3") == {"job_name": PREPARE.replace("prepare-1", "prepare-2")}
    assert len(aws.sagemaker.processing) == 2


def test_given_all_processing_attempts_spent_when_started_again_then_the_last_failure_is_told(aws: Aws) -> None:
    for number in (1, 2, 3):
        prepare(aws)
        name = PREPARE.replace("prepare-1", f"prepare-{number}")
        aws.sagemaker.processing[name].update(ProcessingJobStatus="Failed", FailureReason="CapacityError: none")
    prepare(aws, "token-4")
    assert aws.states.answers[-1][1:][0] == "token-4"
    assert aws.states.answers[-1][2]["error"] == "JobCapacityError"
    assert len(aws.sagemaker.processing) == 3


def test_given_an_evaluation_when_it_completes_then_the_compared_champion_is_known(aws: Aws) -> None:
    start_evaluation.handler(waiting(aws, version="v2", model_artifact="s3://castline-dev-data/m.tar.gz"), None)
    complete_processing(aws, EVALUATE)
    aws.put(keys.run(RUN_ID, "evaluation", "result.json"), evaluation(0.5))
    resolve.handler({"detail": {"ProcessingJobName": EVALUATE}}, None)
    assert outputs(aws)[0][2]["detail"] == {"champion_run_id": None}
