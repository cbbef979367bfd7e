"""Why a job ended: the words and statuses that SageMaker uses, which the pipeline tells errors apart by."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from app.embedded.sagemaker.faults import FaultKind
from app.embedded.sagemaker.shapes import Record
from app.embedded.strict.steps import AccessDeniedError

if TYPE_CHECKING:
    from app.embedded.sagemaker.cloud import Cloud

REASON_LIMIT = 1024
RESTART = "InternalServerError: We encountered an internal error (the embedded AWS was stopped while the job ran)"


def algorithm_error(root: Path, exit_status: int) -> str:
    """FailureReason of a program that failed: the first characters of its failure file."""
    file = root / "output/failure"
    said = file.read_text()[:REASON_LIMIT] if file.is_file() else ""
    return f"AlgorithmError: {said or f'exit code: {exit_status}'}"


def of_exception(error: Exception) -> str:
    """FailureReason of what SageMaker could not do for a job: the role's fault where a policy refused, else its own."""
    refused = isinstance(error, ClientError) and error.response["Error"]["Code"] in ("403", "AccessDenied")
    whose = "ClientError" if refused or isinstance(error, AccessDeniedError) else "InternalServerError"
    return f"{whose}: {error}"[:REASON_LIMIT]


def end_by_fault(cloud: Cloud, record: Record, fault: FaultKind) -> None:
    """End a job that never got its machine, or whose machine broke."""
    if fault == "max-wait":
        cloud.job_status(record, "Stopped", "MaxWaitTimeExceeded", "Max wait time exceeded")
        return
    if fault == "max-runtime":
        cloud.job_status(record, "Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds")
        return
    reason = {
        "capacity": "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different "
                    "ML instance type.",
        "internal": "InternalServerError: We encountered an internal error. Please try again.",
    }[fault]
    secondary = "Failed" if record["_kind"] == "TrainingJob" else ""
    cloud.job_status(record, "Failed", secondary, reason, FailureReason=reason)


def end_by_restart(cloud: Cloud, record: Record) -> None:
    """A job that ran when the server died: its process is gone."""
    training = record["_kind"] == "TrainingJob"
    end = {"TrainingEndTime": time.time()} if training else {"ProcessingEndTime": time.time()}
    cloud.job_status(record, "Failed", "Failed" if training else "", RESTART, FailureReason=RESTART, **end)
