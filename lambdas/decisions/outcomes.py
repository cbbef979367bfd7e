"""From what Describe answers to what the state machine is told: pending, a result, or a failure."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from app.contracts.errors import PUBLISH_FAILED
from app.contracts.jobs import JobResult
from app.contracts.runs import JobSpend, TrainingAttempt
from lambdas.decisions import failures

Description = Mapping[str, Any]
"""Answer of a Describe call."""


@dataclasses.dataclass(frozen=True)
class Pending:
    """The job goes on."""


@dataclasses.dataclass(frozen=True)
class Failed:
    """The job is over without a result."""

    error: str
    message: str
    attempt: TrainingAttempt | None = None


Outcome = Pending | Failed | JobResult


def training(job: Description) -> Outcome:
    """Judge DescribeTrainingJob."""
    status, secondary = job["TrainingJobStatus"], job.get("SecondaryStatus", "")
    if status == "Completed":
        spent = attempt(job)
        return JobResult(
            job_name=spent.job_name,
            kind="training",
            status=status,
            seconds=spent.seconds,
            billable_seconds=spent.billable_seconds,
            instance_type=spent.instance_type,
            spot=spent.spot,
            interruptions=spent.interruptions,
            batch_halvings=spent.batch_halvings,
            instance_count=spent.instance_count,
            model_artifact=job["ModelArtifacts"]["S3ModelArtifacts"],
            metrics={
                metric["MetricName"]: float(metric["Value"])
                for metric in job.get("FinalMetricDataList", ())
                if math.isfinite(metric["Value"])  # Step Functions takes JSON, which has no NaN
            },
        )
    if status == "Stopped":
        failure = failures.stopped("Train", secondary, job["TrainingJobName"])
    elif status == "Failed":
        failure = failures.failed("Train", job.get("FailureReason", ""))
    else:
        return Pending()
    return Failed(failure.error, failure.message, attempt(job, failure.error))


def attempt(job: Description, error: str = "") -> TrainingAttempt:
    """What one training job used, for the run record."""
    resources = job.get("ResourceConfig", {})
    preferences = resources.get("InstancePreferences") or [{}]
    selected = resources.get("SelectedInstanceType") or resources.get("InstanceType")
    chosen = next((p for p in preferences if p.get("InstanceType") == selected), preferences[0])
    transitions = job.get("SecondaryStatusTransitions", ())
    seconds = int(job.get("TrainingTimeInSeconds", _seconds(job, "TrainingStartTime", "LastModifiedTime")))
    return TrainingAttempt(
        job_name=job["TrainingJobName"],
        status=job["TrainingJobStatus"],
        instance_type=selected or chosen.get("InstanceType", ""),
        spot=bool(job.get("EnableManagedSpotTraining")),
        seconds=seconds,
        billable_seconds=int(job.get("BillableTimeInSeconds", seconds)),
        interruptions=sum(transition["Status"] == "Interrupted" for transition in transitions),
        error=error,
        batch_halvings=int(job.get("HyperParameters", {}).get("batch_halvings", 0)),
        instance_count=int(resources.get("InstanceCount") or chosen.get("InstanceCount") or 1),
    )


def processing(job: Description) -> Outcome:
    """Judge DescribeProcessingJob; what the program wrote is added by the caller as `detail`."""
    status = job["ProcessingJobStatus"]
    if status == "Completed":
        used = processing_use(job)
        return JobResult(
            job_name=used.job_name,
            kind="processing",
            status=status,
            seconds=used.seconds,
            billable_seconds=used.billable_seconds,
            instance_type=used.instance_type,
            instance_count=used.instance_count,
        )
    if status == "Stopped":
        limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", math.inf)
        # A processing job has no secondary status: only the clock tells a limit from a person.
        secondary = "MaxRuntimeExceeded" if _seconds(job, "ProcessingStartTime", "ProcessingEndTime") >= limit else ""
        failure = failures.stopped("Job", secondary, job["ProcessingJobName"])
    elif status == "Failed":
        failure = failures.failed("Job", job.get("FailureReason", ""), job.get("ExitMessage", ""))
    else:
        return Pending()
    return Failed(failure.error, failure.message)


def processing_use(job: Description) -> JobSpend:
    """What one processing job used, without its price; a job that is being stopped has used its time so far."""
    cluster = job.get("ProcessingResources", {}).get("ClusterConfig", {})
    end = "ProcessingEndTime" if "ProcessingEndTime" in job else "LastModifiedTime"
    seconds = _seconds(job, "ProcessingStartTime", end)
    count = int(cluster.get("InstanceCount") or 1)
    return JobSpend(
        job["ProcessingJobName"], cluster.get("InstanceType", ""), count, spot=False, seconds=seconds,
        billable_seconds=seconds,
    )  # fmt: skip


def training_use(job: Description) -> JobSpend:
    """What one training job used, without its price."""
    spent = attempt(job)
    return JobSpend(
        spent.job_name, spent.instance_type, spent.instance_count, spent.spot, spent.seconds, spent.billable_seconds
    )


def _seconds(job: Description, start_key: str, end_key: str) -> int:
    """Between two moments of a job; 0 when it has not come to both."""
    start, end = job.get(start_key), job.get(end_key)
    if not isinstance(start, dt.datetime) or not isinstance(end, dt.datetime):
        return 0
    return round((end - start).total_seconds())


def endpoint(described: Description, requested: str) -> Outcome:
    """Judge DescribeEndpoint: only InService on the requested configuration is success.

    A rolled-back update ends InService on the old configuration, sometimes without a reason.
    """
    status, serving = described["EndpointStatus"], described.get("EndpointConfigName", "")
    name, reason = described["EndpointName"], described.get("FailureReason", "")
    if status in ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"):
        return Pending()
    if status == "InService" and serving == requested:
        return JobResult(job_name=requested, kind="endpoint", status=status, seconds=0, billable_seconds=0)
    if status == "InService":
        message = f"endpoint {name} was rolled back to {serving} instead of {requested}"
    else:
        message = f"endpoint {name} is {status} with {requested}"
    return Failed(PUBLISH_FAILED, f"{message}: {reason or 'SageMaker gives no reason: read the endpoint log'}")


def approval(package: Description) -> Outcome:
    """Judge DescribeModelPackage: a person has answered or not."""
    status = package["ModelApprovalStatus"]
    if status not in ("Approved", "Rejected"):
        return Pending()
    arn = package["ModelPackageArn"]
    return JobResult(
        job_name=arn,
        kind="approval",
        status=status,
        seconds=0,
        billable_seconds=0,
        detail={"model_package_arn": arn, "note": package.get("ApprovalDescription", "")},
    )
