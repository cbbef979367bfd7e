"""Whose turn it is: one run at a time, started by the gate and claimed by its execution.

The lock is taken before the execution is started. So whoever finds the lock can tell three cases apart: its owner
runs; its owner is over, then the lock may be taken over; its owner never started, then the start is repeated with
the stored name and input. No lost event or crash between two calls can stall the pipeline.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import sys
from collections.abc import Mapping

from app.contracts import documents
from app.contracts.runs import RunInput
from lambdas.aws import closing, executions, inbox
from lambdas.aws.documents import Bucket
from lambdas.aws.table import Lock, StateTable
from lambdas.decisions import budget, emf, gate
from lambdas.environment import Environment
from lambdas.errors import RunInProgressError
from lambdas.events import GateOrder

log = logging.getLogger(__name__)


def look(
    environment: Environment,
    *,
    forced: bool = False,
    why: str = "",
    hyperparameters: Mapping[str, str] | None = None,
    over_budget: bool = False,
) -> gate.Decision:
    """Look at the lock, the inbox and the budget, and start a run when one is due."""
    table = StateTable(environment.table)
    lock = table.lock()
    if lock and (taken := _held(environment, lock)):
        return taken
    now = closing.now()
    decision = gate.decide(
        environment.settings.gate,
        inbox.look(Bucket(environment.bucket)),
        now,
        forced=forced,
        failure=table.last_failure(),
    )
    if decision.start and not over_budget and (no := _over_budget(environment, now, forced=forced)):
        return no
    if decision.start:
        reason = (why or decision.reason) + (", over the budget if need be" if over_budget else "")
        run = RunInput(new_run_id(now), reason, now.isoformat(), forced, dict(hyperparameters or {}), over_budget)
        return _begin(environment, run, lock)
    return decision


def roll_back(environment: Environment, order: GateOrder) -> gate.Decision:
    """Start a run that makes a champion of before serve again; it waits for no uploads and trains nothing."""
    lock = StateTable(environment.table).lock()
    if lock and (taken := _held(environment, lock)):
        return gate.Decision(False, f"{taken.reason}: wait for it, or stop it")
    now = closing.now()
    reason = order.reason or f"a person asked for the champion of before: {order.rollback_to}"
    return _begin(
        environment,
        RunInput(
            new_run_id(now),
            reason,
            now.isoformat(),
            forced=True,
            rollback_to=order.rollback_to,
            rollback_from=order.rollback_from,
        ),
        lock,
    )


def _held(environment: Environment, lock: Lock) -> gate.Decision | None:
    """What to do about a lock that is held; None when its owner is over."""
    execution = executions.describe(environment.execution_arn(lock.owner))
    if execution is None:
        executions.start(environment, lock.run)
        return gate.Decision(True, f"run {lock.owner} was claimed but not started: started now", lock.owner)
    return gate.Decision(False, f"run {lock.owner} is active") if execution["status"] == "RUNNING" else None


def _begin(environment: Environment, run: RunInput, dead: Lock | None) -> gate.Decision:
    """Take the turn, from a dead owner if there is one, and start the run."""
    claimed = Lock(run.run_id, documents.to_json(run), run.requested_at)
    if not StateTable(environment.table).take_lock(claimed, from_owner=dead.owner if dead else None):
        return gate.Decision(False, "another look at the inbox was faster")
    executions.start(environment, run)
    return gate.Decision(True, f"run {run.run_id}: {run.reason}", run.run_id)


def _over_budget(environment: Environment, now: dt.datetime, *, forced: bool) -> gate.Decision | None:
    """The decision to wait, when a budget asks for it; the metric of it has an alarm."""
    settings, month = environment.settings, StateTable(environment.table).runs_of_month(now)
    spent = [item.usd for item in month] if settings.spend.per_month_usd is not None else []
    why = budget.hold(settings, environment.prices, spent, now)
    if not why:
        return None
    if forced:
        return gate.Decision(False, f"{why}; to start it all the same: python -m app run --over-budget")
    stamp = round(dt.datetime.now(dt.UTC).timestamp() * 1000)
    sys.stdout.write(emf.line(environment.name, {"HeldByBudget": 1.0}, stamp, reason=why) + "\n")
    return gate.Decision(False, why)


def new_run_id(now: dt.datetime) -> str:
    """`YYYYMMDD-HHMMSS-xxxxxx`: sorts by time, and never twice the same."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def claim(environment: Environment, execution_arn: str, execution_name: str, run: RunInput) -> None:
    """Make sure that the lock is this execution's.

    Raises:
        RunInProgressError: another run holds it; nothing of that run may be touched.
    """
    if run.run_id != execution_name:
        raise RunInProgressError(
            f"execution {execution_name} carries the run id {run.run_id}: runs are started by the gate; "
            "use `python -m app run`"
        )
    table = StateTable(environment.table)
    lock = table.lock()
    if lock is None or lock.owner != run.run_id:
        if lock and not is_over(environment, lock.owner):
            raise RunInProgressError(f"run {lock.owner} is active since {lock.claimed_at}: wait for it, or stop it")
        taken = Lock(run.run_id, documents.to_json(run), closing.now().isoformat())
        if not table.take_lock(taken, from_owner=lock.owner if lock else None):
            raise RunInProgressError("another run took the lock in this very moment: wait for it")
    closing.begin(environment, run)
    log.info("claimed", extra={"execution": execution_arn})


def hold(environment: Environment, run_id: str) -> None:
    """Make sure that it is still this run's turn: a redrive goes on behind Claim, and another run may have come.

    Raises:
        RunInProgressError: the run ended and let go of its turn; whatever it goes on with would be a second run.
    """
    lock = StateTable(environment.table).lock()
    if lock is None or lock.owner != run_id:
        now_active = f"run {lock.owner} is active" if lock else "its turn is over"
        raise RunInProgressError(f"run {run_id} cannot go on, {now_active}: force a run instead of a redrive")


def is_over(environment: Environment, run_id: str) -> bool:
    """True when the run's execution has ended; one that never started may still come."""
    execution = executions.describe(environment.execution_arn(run_id))
    return execution is not None and execution["status"] not in ("RUNNING", "PENDING_REDRIVE")
