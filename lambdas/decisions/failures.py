"""From what SageMaker says about a failed job to the error name that the state machine acts on."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from app.contracts import errors

Family = Literal["Train", "Job"]
"""Training jobs fail with Train..., processing jobs with Job... names."""

_BY_CODE = {
    "DATA_INVALID": "DataError",
    "DATA_TOO_MANY_BAD": "DataError",
    "DATA_TOO_FEW": "DataError",
    "CONFIG_INVALID": "ConfigError",
    "OUT_OF_MEMORY": "MemoryError",
    "HOST_LOST": "InternalError",
}
_CODE = re.compile(r'"code"\s*:\s*"([A-Z_]+)"')
_MEMORY = re.compile(r"out of (?:\w+ )?memory|OutOfMemory|OOM|exit code:? (?:137|-9)\b", re.IGNORECASE)
_NAMES = {value for name, value in vars(errors).items() if name.startswith(("TRAIN_", "JOB_"))}

CLIENT_ERRORS = {
    "ResourceLimitExceeded": "QuotaError",
    "ValidationException": "ConfigError",
    "CapacityError": "CapacityError",
    "InsufficientCapacityException": "CapacityError",
}
"""Codes of the create call itself; others are left to boto3's retries and then end the run."""


@dataclasses.dataclass(frozen=True)
class JobFailure:
    """Error name and a sentence that a person can act on."""

    error: str
    message: str


def named(family: Family, kind: str) -> str:
    """Join `Train` and `CapacityError` to the name of contracts.errors."""
    name = f"{family}{kind}"
    if name not in _NAMES:
        raise ValueError(f"{name}: no such error in contracts.errors: add it there")
    return name


def stopped(family: Family, secondary: str, detail: str) -> JobFailure:
    """A job that ended as Stopped: a limit of time or capacity, or a person."""
    if secondary == "MaxWaitTimeExceeded":
        return JobFailure(
            named(family, "CapacityError"), f"no spot machine for long enough within the waiting time; {detail}"
        )
    if secondary == "MaxRuntimeExceeded":
        return JobFailure(
            named(family, "TimeLimitError"),
            f"the job reached its limit of running time: raise max_runtime_seconds or train for less; {detail}",
        )
    return JobFailure(named(family, "Stopped"), f"somebody stopped the job; the uploads stay in the inbox; {detail}")


def failed(family: Family, reason: str, exit_message: str = "") -> JobFailure:
    """A job that ended as Failed.

    Args:
        family: Kind of job.
        reason: FailureReason of the Describe call; the failure file is in it, behind `AlgorithmError: `.
        exit_message: ExitMessage of a processing job.
    """
    text = f"{reason}\n{exit_message}"
    written = _failure_file(text)
    if written:
        code, message = written
        return JobFailure(named(family, _BY_CODE.get(code, "AlgorithmError")), f"{code}: {message}")
    for start, kind in (
        ("CapacityError", "CapacityError"),
        ("InternalServerError", "InternalError"),
        ("InternalError", "InternalError"),
        ("ResourceLimitExceeded", "QuotaError"),
    ):
        if reason.startswith(start):
            return JobFailure(named(family, kind), reason)
    if _MEMORY.search(text):
        return JobFailure(named(family, "MemoryError"), reason)
    if reason.startswith("ClientError"):
        return JobFailure(named(family, "ConfigError"), reason)
    return JobFailure(
        named(family, "AlgorithmError"), reason.strip() or "SageMaker gives no reason: read the job's log"
    )


def _failure_file(text: str) -> tuple[str, str] | None:
    """Code and message of the JSON that the container wrote, cut off or not."""
    code = _CODE.search(text)
    if code is None:
        return None
    begin = text.rfind("{", 0, code.start())
    try:
        document, _ = json.JSONDecoder().raw_decode(text, begin)
        return code.group(1), str(document.get("message", ""))
    except ValueError:
        return code.group(1), text[code.end() :].lstrip(' ,"mesag:').strip()


def sentence(cause: str) -> str:
    """The readable part of a Cause: Lambda wraps it as {"errorMessage": ...}, resolve as {"message": ...}."""
    document = _object(cause)
    return str(document.get("errorMessage") or document.get("message") or cause).strip()


def attempt_in(cause: str) -> dict[str, Any] | None:
    """The training attempt that resolve put beside the message, if it did."""
    attempt = _object(cause).get("attempt")
    return attempt if isinstance(attempt, dict) else None


def _object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
