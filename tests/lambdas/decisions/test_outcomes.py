"""What Describe answers becomes pending, a result, or a failure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.contracts.jobs import JobResult
from app.contracts.runs import JobSpend
from lambdas.decisions import outcomes, records
from lambdas.decisions.outcomes import Failed, Pending

START = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)


def training(status: str, secondary: str = "", **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "castline-dev-r1-train-1",
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "EnableManagedSpotTraining": True,
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge"},
        "TrainingTimeInSeconds": 1000,
        "BillableTimeInSeconds": 300,
        "SecondaryStatusTransitions": [{"Status": s} for s in ("Training", "Interrupted", "Training", "Interrupted")],
        **more,
    }


def processing(status: str, seconds: int = 90, **more: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": "castline-dev-r1-prepare-1",
        "ProcessingJobStatus": status,
        "ProcessingStartTime": START,
        "ProcessingEndTime": START + dt.timedelta(seconds=seconds),
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge"}},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }


def test_given_a_completed_training_job_then_the_result_carries_time_money_and_finite_metrics() -> None:
    described = training(
        "Completed",
        ModelArtifacts={"S3ModelArtifacts": "s3://b/model.tar.gz"},
        FinalMetricDataList=[
            {"MetricName": "mAP(segm)/IoU=0.5", "Value": 0.5},
            {"MetricName": "total_cost", "Value": float("nan")},
        ],
    )
    assert outcomes.training(described) == JobResult(
        "castline-dev-r1-train-1", "training", "Completed", 1000, 300, "ml.g5.xlarge", True, 2,
        "s3://b/model.tar.gz", {"mAP(segm)/IoU=0.5": 0.5},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("described", "error"),
    [
        (training("Stopped", "MaxWaitTimeExceeded"), "TrainCapacityError"),
        (training("Stopped", "MaxRuntimeExceeded"), "TrainTimeLimitError"),
        (training("Stopped", "Stopped"), "TrainStopped"),
        (training("Failed", "Failed", FailureReason="CapacityError: no machines"), "TrainCapacityError"),
        (training("Failed", "Failed"), "TrainAlgorithmError"),
    ],
)
def test_given_an_ended_training_job_then_the_failure_names_the_error_and_the_attempt(
    described: dict[str, Any], error: str
) -> None:
    outcome = outcomes.training(described)
    assert isinstance(outcome, Failed)
    assert outcome.error == error
    assert outcome.attempt is not None
    assert (outcome.attempt.error, outcome.attempt.billable_seconds, outcome.attempt.interruptions) == (error, 300, 2)


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_given_a_job_that_goes_on_then_it_is_pending(status: str) -> None:
    assert outcomes.training(training(status)) == Pending()
    assert outcomes.processing(processing(status)) == Pending()


def test_given_an_on_demand_job_with_preferences_then_the_selected_type_counts() -> None:
    resources = {"InstancePreferences": [{"InstanceType": "ml.g5.xlarge"}], "SelectedInstanceType": "ml.g6.xlarge"}
    described = training("Failed", ResourceConfig=resources)
    assert outcomes.attempt(described).instance_type == "ml.g6.xlarge"
    del resources["SelectedInstanceType"]
    assert outcomes.attempt(described).instance_type == "ml.g5.xlarge"


def test_given_a_job_that_never_ran_then_nothing_was_billed() -> None:
    described = training("Stopped", "MaxWaitTimeExceeded")
    del described["TrainingTimeInSeconds"], described["BillableTimeInSeconds"]
    spent = outcomes.attempt(described)
    assert (spent.seconds, spent.billable_seconds) == (0, 0)


def test_given_a_job_that_is_being_stopped_then_its_time_so_far_counts() -> None:
    described = training("Stopping", TrainingStartTime=START, LastModifiedTime=START + dt.timedelta(seconds=75))
    del described["TrainingTimeInSeconds"], described["BillableTimeInSeconds"]
    spent = outcomes.attempt(described)
    assert (spent.seconds, spent.billable_seconds) == (75, 75)


@pytest.mark.parametrize(
    ("described", "error"),
    [
        (processing("Stopped", 3600), "JobTimeLimitError"),
        (processing("Stopped", 3599), "JobStopped"),
        (processing("Failed", FailureReason="InternalServerError: try again"), "JobInternalError"),
        (processing("Failed", FailureReason="AlgorithmError: see log", ExitMessage='{"code":"DATA_TOO_FEW"}'),
         "JobDataError"),
    ],
)  # fmt: skip
def test_given_an_ended_processing_job_then_the_failure_names_the_error(described: dict[str, Any], error: str) -> None:
    outcome = outcomes.processing(described)
    assert isinstance(outcome, Failed)
    assert outcome.error == error


def test_given_a_completed_processing_job_then_its_seconds_are_known() -> None:
    outcome = outcomes.processing(processing("Completed", 90))
    assert isinstance(outcome, JobResult)
    assert (outcome.seconds, outcome.instance_type) == (90, "ml.m5.xlarge")


def endpoint(status: str, config: str, reason: str = "") -> dict[str, Any]:
    return {"EndpointName": "castline-dev", "EndpointStatus": status, "EndpointConfigName": config,
            "FailureReason": reason}  # fmt: skip


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_given_a_changing_endpoint_then_it_is_pending(status: str) -> None:
    assert outcomes.endpoint(endpoint(status, "new"), "new") == Pending()


def test_given_an_endpoint_in_service_on_the_requested_configuration_then_it_is_a_success() -> None:
    outcome = outcomes.endpoint(endpoint("InService", "new"), "new")
    assert isinstance(outcome, JobResult)
    assert (outcome.kind, outcome.status) == ("endpoint", "InService")


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (endpoint("InService", "old"), "rolled back to old instead of new"),
        (endpoint("Failed", "new", "no disk space"), "is Failed with new: no disk space"),
        (endpoint("OutOfService", "new"), "is OutOfService"),
    ],
)
def test_given_an_endpoint_that_came_to_rest_elsewhere_then_publishing_failed(
    described: dict[str, Any], words: str
) -> None:
    outcome = outcomes.endpoint(described, "new")
    assert isinstance(outcome, Failed)
    assert outcome.error == "PublishFailedError"
    assert words in outcome.message


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_given_a_person_has_answered_then_the_result_carries_the_answer(status: str) -> None:
    outcome = outcomes.approval(
        {"ModelApprovalStatus": status, "ModelPackageArn": "arn:p/1", "ApprovalDescription": "looked at it"}
    )
    assert isinstance(outcome, JobResult)
    assert outcome.status == status
    assert outcome.detail == {"model_package_arn": "arn:p/1", "note": "looked at it"}


def test_given_nobody_has_answered_then_the_approval_is_pending() -> None:
    assert outcomes.approval({"ModelApprovalStatus": "PendingManualApproval", "ModelPackageArn": "a"}) == Pending()


def test_given_a_job_whose_batch_was_halved_then_the_attempt_and_the_result_say_so() -> None:
    described = training("Completed", ModelArtifacts={"S3ModelArtifacts": "s3://b/model.tar.gz"},
                         HyperParameters={"preset": "r50", "batch_halvings": "2"})  # fmt: skip
    result = outcomes.training(described)
    assert isinstance(result, JobResult)
    assert (outcomes.attempt(described).batch_halvings, result.batch_halvings) == (2, 2)
    assert records.successful(result).batch_halvings == 2


def test_given_several_machines_then_attempt_result_and_use_say_how_many() -> None:
    preferences = [{"InstanceType": "ml.g5.xlarge", "InstanceCount": 2}, {"InstanceType": "ml.g6.xlarge",
                                                                        "InstanceCount": 3}]  # fmt: skip
    resources = {"InstancePreferences": preferences, "SelectedInstanceType": "ml.g6.xlarge"}
    described = training("Completed", ResourceConfig=resources,
                         ModelArtifacts={"S3ModelArtifacts": "s3://b/model.tar.gz"})  # fmt: skip
    result = outcomes.training(described)
    assert isinstance(result, JobResult)
    assert (result.instance_count, records.successful(result).instance_count) == (3, 3)
    assert outcomes.training_use(described) == JobSpend(
        "castline-dev-r1-train-1", "ml.g6.xlarge", 3, True, 1000, 300
    )
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 4}
    prepared = outcomes.processing(processing("Completed", ProcessingResources={"ClusterConfig": cluster}))
    assert isinstance(prepared, JobResult)
    assert prepared.instance_count == 4


def test_given_a_processing_job_that_is_being_stopped_or_never_ran_then_its_time_so_far_counts() -> None:
    stopping = processing("Stopping", LastModifiedTime=START + dt.timedelta(seconds=75))
    del stopping["ProcessingEndTime"]
    assert outcomes.processing_use(stopping) == JobSpend(
        "castline-dev-r1-prepare-1", "ml.m5.xlarge", 1, False, 75, 75
    )
    del stopping["ProcessingStartTime"]
    assert outcomes.processing_use(stopping).billable_seconds == 0
