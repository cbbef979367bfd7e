"""The record of a run and the champion pointer: what the operations team reads."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

RunStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]
RunOutcome = Literal["", "PROMOTED", "NOT_PROMOTED", "NOTHING_NEW", "REJECTED", "ROLLED_BACK"]
PREVIOUS = "previous"
"""As `rollback_to`: whoever was champion before the one that serves."""


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
    over_budget: bool = False
    """A person said that this run may cost more than the settings `spend` allow."""
    rollback_to: str = ""
    """Run whose model shall serve again, or PREVIOUS; then nothing is trained. Empty: a run that learns."""
    rollback_from: str = ""
    """Run whose model served when the rollback was ordered; empty: whichever does."""


@dataclasses.dataclass(frozen=True)
class Champion:
    """champion.json: the model that serves; the commit that replaces it keeps it as runs/<run>/champion.json."""

    run_id: str
    version: str
    model_artifact: str
    image_uri: str
    """repo@sha256:... of the container."""
    endpoint_config: str
    model_package_arn: str
    mask_ap: float
    promoted_at: str
    """Since when it is the champion; after a rollback, since then."""
    previous_run_id: str | None = None
    """The champion that it beat, also after a rollback: going back twice goes two champions back."""
    rolled_back_from: str | None = None
    """The champion that a rollback replaced by this one."""


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
    """Of one instance, as Describe says; what spot saved is taken off already."""
    interruptions: int
    error: str = ""
    batch_halvings: int = 0
    """How often the batch was halved because memory ran out before."""
    instance_count: int = 1


@dataclasses.dataclass(frozen=True)
class JobSpend:
    """What one job of a run used, and what that costs by list price."""

    job_name: str
    instance_type: str
    instance_count: int
    spot: bool
    seconds: int
    """That each instance ran."""
    billable_seconds: int
    """Of one instance; `1 - billable_seconds / seconds` is what spot saved."""
    usd: float | None = None
    """billable seconds x instances x price; None when no price is known."""


@dataclasses.dataclass(frozen=True)
class Spend:
    """What the jobs of a run cost, estimated from the price table; docs/spend.md says what is not in it."""

    usd: float
    saved_usd: float
    """What on-demand machines would have cost more."""
    region: str
    prices_as_of: str
    """Day of the price table."""
    jobs: tuple[JobSpend, ...] = ()
    unpriced: tuple[str, ...] = ()
    """Instance types without a known price; `usd` leaves them out."""

    @property
    def in_words(self) -> str:
        """`1.23 USD estimated (prices of 2025-10-01), spot saved 0.98 USD`."""
        saved = f", spot saved {self.saved_usd:.2f} USD" if self.saved_usd else ""
        unknown = f"; without {', '.join(self.unpriced)}, of unknown price in {self.region}" if self.unpriced else ""
        return f"{self.usd:.2f} USD estimated (prices of {self.prices_as_of}){saved}{unknown}"


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """runs/<run>/run.json: written when the run starts, and again when it ends, however it ends."""

    run_id: str
    status: RunStatus
    outcome: RunOutcome
    reason: str
    started_at: str
    ended_at: str | None = None
    rollback_to: str = ""
    """Run whose model was to serve again; empty: the run was to learn."""
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
    spend: Spend | None = None
    """None while the run goes on."""
