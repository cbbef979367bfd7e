"""The end of a run, however it ends: record, report, notify, release the lock, wake the gate. Safe to repeat."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from app.contracts import keys
from app.contracts.runs import RunInput, RunOutcome, RunRecord, RunStatus
from lambdas.aws import evidence, jobs
from lambdas.aws.clients import client
from lambdas.aws.documents import Bucket
from lambdas.aws.table import RunItem, StateTable
from lambdas.decisions import emf, records
from lambdas.decisions.gate import TRANSIENT_ERRORS, LastFailure
from lambdas.environment import Environment

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a run ends early."""

    status: RunStatus
    error: str
    cause: str


def now() -> dt.datetime:
    """This second, UTC; whole seconds read better and sort the same."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def begin(environment: Environment, run: RunInput) -> None:
    """Write the record of a run that starts, once."""
    bucket = Bucket(environment.bucket)
    if bucket.find(RunRecord, keys.run_record(run.run_id)) is None:
        record = RunRecord(
            run.run_id, "RUNNING", "", run.reason, started_at=now().isoformat(), rollback_to=run.rollback_to
        )
        bucket.write(keys.run_record(run.run_id), record)
        _list(environment, record)


def succeed(
    environment: Environment, execution_arn: str, run: RunInput, outcome: RunOutcome, state: dict[str, Any]
) -> RunRecord:
    """End a run that did what it should, whether or not its model was promoted."""
    facts = evidence.of_state(environment, execution_arn, run, state)
    serves = outcome in ("PROMOTED", "ROLLED_BACK")
    record = records.record(
        facts,
        status="SUCCEEDED",
        outcome=outcome,
        ended_at=now().isoformat(),
        endpoint=environment.endpoint if serves else "",
    )
    if not run.rollback_to:  # which says nothing about the uploads that a failed run left in the inbox
        StateTable(environment.table).forget_failure()
    _close(environment, record, facts)
    return record


def fail(
    environment: Environment, execution_arn: str, run: RunInput, failure: Failure, state: dict[str, Any]
) -> RunRecord | None:
    """End a run that failed: stop its jobs, record why, and let go; None when it was never one (see Claim)."""
    bucket, table = Bucket(environment.bucket), StateTable(environment.table)
    before = bucket.find(RunRecord, keys.run_record(run.run_id))
    lock = table.lock()
    if before is None and (lock is None or lock.owner != run.run_id):
        return None
    stop_jobs(environment, run.run_id)
    if before and before.document.status != "RUNNING":
        _list(environment, before.document)
        release(environment, run.run_id)
        return before.document
    facts = evidence.of_jobs(environment, execution_arn, run, state)
    record = records.failed(
        records.record(facts, status=failure.status, outcome="", ended_at=now().isoformat()),
        state=records.failed_state(facts.states),
        error=failure.error,
        cause=failure.cause,
    )
    if not run.rollback_to:
        _remember(table, record)
    _close(environment, record, facts)
    return record


def stop_jobs(environment: Environment, run_id: str) -> None:
    """Stop what still runs for a run and forget its tokens."""
    table = StateTable(environment.table)
    for item in table.jobs():
        if item.run_id == run_id:
            if jobs.stop(item.kind, item.job_name):
                log.info("stopped an orphan", extra={"job": item.job_name})
            table.forget_job(item)


def release(environment: Environment, run_id: str) -> None:
    """Release the lock if the run holds it, and wake the gate: uploads may have come meanwhile."""
    StateTable(environment.table).release_lock(run_id)
    _quietly(
        "wake the gate",
        lambda: client("lambda").invoke(
            FunctionName=environment.gate_function, InvocationType="Event", Payload=json.dumps({"run_ended": run_id})
        ),
    )


def _close(environment: Environment, record: RunRecord, facts: records.Facts) -> None:
    bucket = Bucket(environment.bucket)
    reported = bucket.copy(keys.run(record.run_id, "evaluation", "report.html"), keys.run_report(record.run_id))
    _list(environment, record)
    gain = facts.evaluation.gain.mean if facts.evaluation and facts.evaluation.gain else None
    stamp = round(dt.datetime.now(dt.UTC).timestamp() * 1000)
    sys.stdout.write(emf.line(environment.name, emf.of_run(record, gain), stamp, run_id=record.run_id) + "\n")
    report = keys.uri(environment.bucket, keys.run_report(record.run_id)) if reported else ""
    subject, text = records.notification(record, report)
    _quietly("notify", lambda: client("sns").publish(TopicArn=environment.topic_arn, Subject=subject, Message=text))
    # The record says that the run is closed: whoever dies before it is repeated, and at worst people are told twice.
    bucket.write(keys.run_record(record.run_id), record)
    release(environment, record.run_id)


def _quietly(what: str, action: Any) -> None:
    """Do what must not undo a run that is recorded already; clocks and alarms make up for it."""
    try:
        action()
    except (ClientError, BotoCoreError):
        log.exception("could not %s", what)


def _list(environment: Environment, record: RunRecord) -> None:
    item = RunItem(
        run_id=record.run_id,
        status=record.status,
        outcome=record.outcome,
        started_at=record.started_at,
        ended_at=record.ended_at or "",
        summary=records.summary(record),
        usd=record.spend.usd if record.spend else None,
        saved_usd=record.spend.saved_usd if record.spend else 0.0,
        prices_as_of=record.spend.prices_as_of if record.spend else "",
        unpriced=", ".join(record.spend.unpriced) if record.spend else "",
    )
    StateTable(environment.table).put_run(item)


def _remember(table: StateTable, record: RunRecord) -> None:
    """Keep the gate from starting the same failure again and again; only transient failures add up."""
    before = table.last_failure()
    failures = before.failures + 1 if before and before.error in TRANSIENT_ERRORS else 1
    if before and before.run_id == record.run_id:  # told again, because the last try died on the way
        failures = before.failures
    table.put_failure(LastFailure(record.run_id, record.error, record.started_at, record.ended_at or "", failures))
