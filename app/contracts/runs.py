"""The record of a run and the champion pointer: what the operations team reads."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

RunStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]
RunOutcome = Literal["", "PROMOTED", "NOT_PROMOTED", "NOTHING_NEW", "REJECTED"]


@dataclasses.dataclass(frozen=True)
class RunInput:
    """Input of a state-machine execution; the execution's name is the run id."""

    run_id: str
    """`YYYYMMDD-HHMMSS-xxxxxx`, UTC plus six random hex digits."""
    reason: str
    """Why the gate started it: `24 new images, quiet for 612 s`."""
    requested_at: str
    forced: bool = False
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=dict)
    """Override the deployment's hyperparameters for this run only."""


@dataclasses.dataclass(frozen=True)
class Champion:
    """champion.json: the model that serves."""

    run_id: str
    version: str
    model_artifact: str
    image_uri: str
    """repo@sha256:... of the container."""
    endpoint_config: str
    model_package_arn: str
    mask_ap: float
    promoted_at: str
    previous_run_id: str | None = None


@dataclasses.dataclass(frozen=True)
class StateTiming:
    """One state of a run."""

    name: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class TrainingAttempt:
    """One training job of a run."""

    job_name: str
    status: str
    instance_type: str
    spot: bool
    seconds: int
    billable_seconds: int
    interruptions: int
    error: str = ""
    batch_halvings: int = 0
    """How often the batch was halved because memory ran out before."""


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """runs/<run>/run.json: written when the run starts, and again when it ends, however it ends."""

    run_id: str
    status: RunStatus
    outcome: RunOutcome
    reason: str
    started_at: str
    ended_at: str | None = None
    uploads: int = 0
    version: str | None = None
    parent_version: str | None = None
    accepted: int = 0
    quarantined: int = 0
    image_uri: str = ""
    training: tuple[TrainingAttempt, ...] = ()
    mask_ap: float | None = None
    box_ap: float | None = None
    verdict_accuracy: float | None = None
    champion_ap: float | None = None
    decision: tuple[str, ...] = ()
    endpoint: str = ""
    states: tuple[StateTiming, ...] = ()
    failed_state: str = ""
    error: str = ""
    """Error name of contracts.errors."""
    cause: str = ""
    """A sentence that a person can act on."""
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)
