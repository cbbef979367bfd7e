"""What each state hands to its function and gets back: the other side of infra/workflow/definition.py."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.runs import TrainingAttempt


@dataclasses.dataclass(frozen=True)
class StateError:
    """What a Catch leaves at `$.error`; the capitals are Step Functions' own."""

    Error: str
    Cause: str = ""


@dataclasses.dataclass(frozen=True)
class GateOrder:
    """What a person who forces a run sends to the gate."""

    force: bool = False
    reason: str = ""
    """Why; shown in the run's record."""
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=dict)
    """Override the deployment's for this run."""
    over_budget: bool = False
    """Start although a budget says no, and do not cut training short."""
    rollback_to: str = ""
    """Instead of learning: run whose model shall serve again, or `previous`."""
    rollback_from: str = ""
    """Run whose model the person saw serving; the rollback is refused when it is another's by then."""


@dataclasses.dataclass(frozen=True)
class ClaimEvent:
    """State Claim."""

    execution_arn: str
    execution_name: str
    input: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class RecallEvent:
    """State Recall."""

    rollback_to: str
    rollback_from: str


@dataclasses.dataclass(frozen=True)
class Recalled:
    """Answer of Recall: a champion of before, with what Publish asks of every model."""

    run_id: str
    image_uri: str
    model_artifact: str
    champion_run_id: str
    """Who serves until then."""
    mask_ap: float
    """Of each on the test set of its own run."""
    champion_ap: float


@dataclasses.dataclass(frozen=True)
class SnapshotEvent:
    """State Snapshot."""

    run_id: str
    forced: bool


@dataclasses.dataclass(frozen=True)
class SnapshotResult:
    """Answer of Snapshot."""

    snapshot_key: str
    parent_version: str | None
    objects: int
    total_bytes: int
    proceed: bool
    """There is something to learn from: uploads, or old data when a person forces a run."""


@dataclasses.dataclass(frozen=True)
class FindImageEvent:
    """States FindImage and FindBuiltImage."""

    required: bool


@dataclasses.dataclass(frozen=True)
class FindImageResult:
    """Answer of FindImage."""

    found: bool
    image_uri: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class WaitingEvent:
    """What every state that waits for a token hands over."""

    token: str
    execution_arn: str
    run_id: str
    image_uri: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareEvent(WaitingEvent):
    """State Prepare."""

    snapshot_key: str
    parent_version: str | None


@dataclasses.dataclass(frozen=True)
class Attempt:
    """`$.attempt`: which training attempt comes next, and what went before."""

    number: int = 1
    """Part of the job's name."""
    rung: int = 0
    """Index into settings.training.ladder."""
    internal_errors: int = 0
    time_limits: int = 0
    memory_errors: int = 0
    """The batch is halved this many times."""
    again: bool = True
    """False: no other attempt may help."""
    history: tuple[TrainingAttempt, ...] = ()
    """Attempts that failed."""
    why: str = ""
    """Why there is no other attempt, where the error does not say it: the run's budget."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainEvent(WaitingEvent):
    """State Train."""

    version: str
    attempt: Attempt
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=dict)
    """Override the deployment's for this run."""
    over_budget: bool = False


@dataclasses.dataclass(frozen=True)
class NextAttemptEvent:
    """State NextAttempt."""

    attempt: Attempt
    error: StateError
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=dict)
    """Override the deployment's for this run."""
    over_budget: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateEvent(WaitingEvent):
    """State Evaluate."""

    version: str
    model_artifact: str


@dataclasses.dataclass(frozen=True)
class CompareEvent:
    """State Compare."""

    run_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegisterEvent(WaitingEvent):
    """State Register."""

    version: str
    model_artifact: str
    mask_ap: float


@dataclasses.dataclass(frozen=True)
class WithdrawEvent:
    """State Withdraw."""

    run_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishEvent(WaitingEvent):
    """State Publish."""

    model_artifact: str
    champion_run_id: str | None
    """Whom the model was compared with, or shall replace; no other champion is published over."""
    model_run_id: str = ""
    """Whose model it is; empty: the run's own, as executions say that began before this field was."""

    @property
    def served_run_id(self) -> str:
        """The run that made the model."""
        return self.model_run_id or self.run_id


@dataclasses.dataclass(frozen=True)
class VerifyEvent:
    """State Verify."""

    run_id: str
    """Whose model serves."""
    endpoint_config: str = ""
    """That was published; empty in an execution that an older deployment started."""


@dataclasses.dataclass(frozen=True)
class MoveEvent:
    """One step of the champion to another way of serving; the reconciler and Publish ask for it."""

    run_id: str = ""
    """The run that waits for it, in Publish; empty: no run may be active."""
    again: bool = False
    """A person has done away with the reason of a failure."""


@dataclasses.dataclass(frozen=True)
class RestoreEvent:
    """State Restore."""

    state: dict[str, Any]
    """Whole, because a run that promotes nothing has not registered a model."""


@dataclasses.dataclass(frozen=True)
class CommitEvent:
    """State Commit."""

    state: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class ClosingEvent:
    """States Finish and FailRun."""

    execution_arn: str
    state: dict[str, Any]
