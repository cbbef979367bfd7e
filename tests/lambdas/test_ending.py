"""However a run ends: one record, one notification, a free lock, a woken gate."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest

from app.contracts import keys
from app.contracts.dataset import SnapshotSummary
from app.contracts.evaluation import Comparison
from app.contracts.jobs import JobResult
from app.contracts.runs import TrainingAttempt
from lambdas import claim, fail_run, finish, gate, reconcile, start_prepare, start_training
from lambdas.aws.table import JobItem, Lock, RunItem, StateTable
from lambdas.decisions.gate import LastFailure
from lambdas.events import Attempt
from tests.lambdas.builders import CHAMPION, IMAGE, NEW, OLD, PREPARED, RUN_ID, evaluation
from tests.lambdas.conftest import EVENTS, Aws
from tests.lambdas.fakes import client_error

START = dt.datetime(2026, 11, 2, 11, 0, tzinfo=dt.UTC)
TRAIN = f"castline-dev-{RUN_ID}-train-1"
LOST = TrainingAttempt("j-0", "Stopped", "ml.g5.xlarge", True, 0, 0, 0, "TrainCapacityError")


def history(*names: str) -> list[dict[str, Any]]:
    """Each state took ten seconds; the last one is still open."""
    events: list[dict[str, Any]] = []
    for index, name in enumerate(names):
        at = START + dt.timedelta(seconds=10 * index)
        events.append({"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}})
        if index + 1 < len(names):
            end = at + dt.timedelta(seconds=10)
            events.append({"type": "TaskStateExited", "timestamp": end, "stateExitedEventDetails": {"name": name}})
    return events


@pytest.fixture
def run(aws: Aws) -> Aws:
    """A run that was claimed, with what its jobs have left in S3."""
    started = aws.running()
    event = {"execution_arn": aws.arn(), "execution_name": RUN_ID, "input": dataclasses.asdict(started)}
    claim.handler(event, None)
    aws.put(keys.snapshot(RUN_ID, "summary.json"), SnapshotSummary(RUN_ID, 48, 1000, "v1"))
    aws.put(keys.run(RUN_ID, "prepare", "result.json"), PREPARED)
    aws.put(keys.run(RUN_ID, "evaluation", "result.json"), evaluation(0.5))
    aws.put(
        keys.run(RUN_ID, "evaluation", "comparison.json"), Comparison(True, ("first model",), 0.25, None, None, None)
    )
    aws.put(keys.run(RUN_ID, "evaluation", "report.html"), b"<html>report</html>")
    aws.states.events = history("Claim", "Train", "Finish")
    return aws


def state(outcome: str = "PROMOTED") -> dict[str, Any]:
    trained = JobResult(TRAIN, "training", "Completed", 1000, 300, "ml.g5.xlarge", True, 2)
    plain = {
        "run": {"run_id": RUN_ID, "reason": "24 new images", "requested_at": "t", "forced": False},
        "image": {"found": True, "image_uri": IMAGE},
        "attempt": dataclasses.asdict(Attempt(number=2, rung=1, history=(LOST,))),
        "training": dataclasses.asdict(trained),
        "registration": {"detail": {"model_package_arn": "arn:package/1"}},
        "outcome": outcome,
    }
    parsed: dict[str, Any] = json.loads(json.dumps(plain))
    return parsed


def ending(aws: Aws, **state_: Any) -> dict[str, Any]:
    return {"execution_arn": aws.arn(), "state": state_}


def test_given_a_promoted_run_when_finished_then_its_record_tells_everything(run: Aws) -> None:
    assert finish.handler(ending(run, **state()), None) == {"status": "SUCCEEDED", "outcome": "PROMOTED"}
    record = run.record()
    assert (record.uploads, record.version, record.accepted, record.quarantined) == (48, "v2", 22, 2)
    assert (record.mask_ap, record.verdict_accuracy, record.decision) == (0.25, 1, ("first model",))
    assert [(a.job_name, a.billable_seconds, a.interruptions) for a in record.training] == [
        ("j-0", 0, 0),
        (TRAIN, 300, 2),
    ]
    assert (record.detail["spot_savings"], record.detail["model_package_arn"]) == (0.7, "arn:package/1")
    assert [(s.name, s.seconds) for s in record.states][:2] == [("Claim", 10.0), ("Train", 10.0)]
    assert (record.endpoint, record.image_uri) == ("castline-dev", IMAGE)
    assert run.bucket.read_bytes(keys.run_report(RUN_ID)) == b"<html>report</html>"


def test_given_a_finished_run_then_people_know_the_lock_is_free_and_the_gate_is_woken(
    run: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    run.table.put_failure(LastFailure("r0", "JobDataError", START.isoformat(), START.isoformat()))
    finish.handler(ending(run, **state()), None)
    assert run.table.lock() is None
    assert run.table.last_failure() is None
    [wake_up] = run.gate.requests("invoke")
    assert (wake_up["FunctionName"], wake_up["InvocationType"]) == ("castline-dev-gate", "Event")
    [message] = run.sns.requests("publish")
    assert message["Subject"] == f"Castline run {RUN_ID}: PROMOTED"
    [item] = run.table.runs()
    assert (item.status, item.outcome, item.summary) == (
        "SUCCEEDED",
        "PROMOTED",
        "48 uploads, mask AP 0.250, first model",
    )
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["Environment"], metrics["RunsPromoted"], metrics["BillableSeconds"]) == ("dev", 1.0, 300.0)


def test_given_nobody_can_be_notified_when_finished_then_the_run_still_ends(run: Aws, caplog: Any) -> None:
    run.sns.errors["publish"] = [client_error("InternalError", "no")]
    run.gate.errors["invoke"] = [client_error("TooManyRequestsException", "no")]
    finish.handler(ending(run, **state("NOT_PROMOTED")), None)
    assert run.record().outcome == "NOT_PROMOTED"
    assert run.table.lock() is None
    assert "could not notify" in caplog.text
    assert "could not wake the gate" in caplog.text


def test_given_a_run_with_nothing_new_when_finished_then_its_record_says_so(aws: Aws) -> None:
    aws.running()
    aws.put(keys.snapshot(RUN_ID, "summary.json"), SnapshotSummary(RUN_ID, 0, 0, None))
    only = {"run": state()["run"], "outcome": "NOTHING_NEW"}
    finish.handler(ending(aws, **only), None)
    record = aws.record()
    assert (record.outcome, record.training, record.mask_ap, record.endpoint) == ("NOTHING_NEW", (), None, "")


def failed(aws: Aws, error: str = "JobDataError", cause: str = '{"message": "cast_12.png: mask 3"}') -> dict[str, Any]:
    aws.states.events = history("Claim", "Prepare", "FailRun")
    event = ending(aws, run=state()["run"], error={"Error": error, "Cause": cause})
    return fail_run.handler(event, None)


def test_given_a_failed_state_when_the_run_fails_then_reason_and_state_are_recorded(run: Aws) -> None:
    assert failed(run) == {"error": "JobDataError", "cause": "cast_12.png: mask 3"}
    record = run.record()
    assert (record.status, record.failed_state, record.error) == ("FAILED", "Prepare", "JobDataError")
    assert record.cause == "cast_12.png: mask 3"
    assert run.table.lock() is None
    failure = run.table.last_failure()
    assert failure is not None
    assert (failure.run_id, failure.error, failure.failures) == (RUN_ID, "JobDataError", 1)


def test_given_a_failed_run_when_the_rule_reports_it_too_then_nothing_happens_twice(run: Aws) -> None:
    failed(run)
    before = run.record()
    run.end(status="FAILED", error="JobDataError", cause="...")
    fail_run.handler({"detail": {"executionArn": run.arn(), "status": "FAILED"}}, None)
    assert run.record() == before
    assert len(run.sns.requests("publish")) == 1


@pytest.mark.parametrize("step", ["put_run", "publish", "release_lock"])
def test_given_a_closing_that_dies_on_the_way_when_repeated_then_record_list_people_and_lock_agree(
    run: Aws, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Dies(BaseException):
        """The process was killed."""

    def die(*_: Any, **__: Any) -> None:
        raise Dies

    with monkeypatch.context() as patch:
        if step == "publish":
            run.sns.watch = die
        else:
            patch.setattr(StateTable, step, die)
        with pytest.raises(Dies):
            failed(run, "States.ServiceRestart")
    run.sns.watch = lambda *_: None
    failed(run, "States.ServiceRestart")
    assert run.record().status == "FAILED"
    assert {item.run_id: item.status for item in run.table.runs()} == {RUN_ID: "FAILED"}
    assert run.sns.requests("publish")
    assert run.table.lock() is None
    failure = run.table.last_failure()
    assert failure is not None
    assert failure.failures == 1


def test_given_a_recorded_run_that_the_list_has_forgotten_when_reported_again_then_it_is_listed(run: Aws) -> None:
    failed(run)
    run.table.put_run(RunItem(RUN_ID, "RUNNING", "", START.isoformat(), "", ""))
    failed(run)
    assert [item.status for item in run.table.runs()] == ["FAILED"]


def test_given_a_finished_run_when_finish_fails_late_then_its_outcome_is_not_overwritten(run: Aws) -> None:
    finish.handler(ending(run, **state()), None)
    failed(run, "States.Timeout", "")
    assert run.record().outcome == "PROMOTED"
    assert run.table.last_failure() is None


def start_jobs(aws: Aws) -> None:
    common = {"execution_arn": aws.arn(), "run_id": RUN_ID, "image_uri": IMAGE}
    prepare = {"token": "t-1", "snapshot_key": "k", "parent_version": None}
    train = {"token": "t-2", "version": "v1", "attempt": dataclasses.asdict(Attempt())}
    start_prepare.handler(common | prepare, None)
    start_training.handler(json.loads(json.dumps(common | train)), None)


def test_given_an_aborted_run_when_the_rule_fires_then_its_jobs_stop_and_the_record_says_who(run: Aws) -> None:
    start_jobs(run)
    run.end(status="ABORTED")
    fail_run.handler(json.loads((EVENTS / "execution_aborted.json").read_text()), None)
    assert run.sagemaker.training[TRAIN]["TrainingJobStatus"] == "Stopping"
    assert list(run.table.jobs()) == []
    record = run.record()
    assert (record.status, record.error) == ("ABORTED", "Stopped")
    assert "somebody stopped the run" in record.cause
    assert [a.job_name for a in record.training] == [TRAIN]
    assert record.image_uri == IMAGE
    assert run.table.lock() is None


def test_given_another_run_s_jobs_when_a_run_fails_then_they_go_on(run: Aws) -> None:
    other = JobItem("castline-dev-other-train-1", "t", "training", "other", run.arn("other"), "now")
    run.table.put_job(other)
    failed(run)
    assert list(run.table.jobs()) == [other]


def test_given_an_execution_that_never_had_its_turn_when_the_rule_fires_then_nothing_is_touched(run: Aws) -> None:
    """RunInProgressError: the lock belongs to somebody else."""
    intruder = "20261102-110500-eeeeee"
    run.running(intruder, locked=False)
    run.end(intruder, error="RunInProgressError")
    answer = fail_run.handler({"detail": {"executionArn": run.arn(intruder)}}, None)
    assert answer["cause"] == "not a run of ours"
    lock = run.table.lock()
    assert lock is not None
    assert lock.owner == RUN_ID
    assert run.record().status == "RUNNING"
    assert run.sns.calls == []


def test_given_claim_itself_failed_when_the_run_fails_then_the_lock_is_released(aws: Aws) -> None:
    run = aws.running()
    error = {"Error": "Lambda.ServiceException", "Cause": "sorry"}
    fail_run.handler(ending(aws, **dataclasses.asdict(run), error=error), None)
    assert aws.record().reason == run.reason
    assert aws.table.lock() is None


def test_given_a_claim_that_a_person_started_without_input_when_it_fails_then_it_still_ends(aws: Aws) -> None:
    aws.running()
    fail_run.handler(ending(aws, error={"Error": "ContractError", "Cause": "RunInput.run_id: missing"}), None)
    assert aws.record().reason == "started by hand"
    assert aws.table.lock() is None


@pytest.mark.parametrize(("error", "following"), [("States.ServiceRestart", 2), ("JobDataError", 1)])
def test_given_failures_in_a_row_then_only_transient_ones_add_up(run: Aws, error: str, following: int) -> None:
    run.table.put_failure(LastFailure("r0", error, START.isoformat(), START.isoformat(), 1))
    failed(run, "States.ServiceRestart")
    failure = run.table.last_failure()
    assert failure is not None
    assert failure.failures == following


def test_given_a_failed_run_when_the_gate_looks_then_the_same_uploads_do_not_fail_again(aws: Aws) -> None:
    aws.put("inbox/a.jpg")
    run = aws.running()
    claim.handler({"execution_arn": aws.arn(), "execution_name": RUN_ID, "input": dataclasses.asdict(run)}, None)
    failed(aws)
    held = gate.handler({}, None)
    assert (held["start"], "correct them, upload more, or force" in held["reason"]) == (False, True)
    assert gate.handler({"force": True}, None)["start"]


def test_given_running_and_finished_jobs_when_reconciled_then_one_lives_on_and_the_other_is_answered(run: Aws) -> None:
    start_jobs(run)
    run.sagemaker.training[TRAIN].update(
        TrainingJobStatus="Completed", ModelArtifacts={"S3ModelArtifacts": "s3://b/m.tar.gz"}
    )
    answer = reconcile.handler({}, None)
    assert (answer["heartbeats"], answer["answered"], answer["orphans"]) == (1, 1, 0)
    assert [(operation, token) for operation, token, _ in run.states.answers] == [
        ("heartbeat", "t-1"),
        ("success", "t-2"),
    ]


def test_given_a_run_that_died_without_a_word_when_reconciled_then_it_is_closed_and_its_jobs_stop(run: Aws) -> None:
    """The embedded AWS was killed: no event, no FailRun."""
    start_jobs(run)
    run.end(status="FAILED", error="States.ServiceRestart", cause="the service was restarted")
    answer = reconcile.handler({}, None)
    assert (answer["orphans"], answer["dead_runs"]) == (2, 1)
    record = run.record()
    assert (record.status, record.error) == ("FAILED", "States.ServiceRestart")
    assert run.table.lock() is None
    assert run.sagemaker.training[TRAIN]["TrainingJobStatus"] == "Stopping"


def test_given_a_dead_run_whose_lock_was_taken_over_when_reconciled_then_it_is_closed_too(run: Aws) -> None:
    run.end(status="TIMED_OUT")
    run.table.release_lock(RUN_ID)
    run.running("20261102-120000-aaaaaa")
    assert reconcile.handler({}, None)["dead_runs"] == 1
    assert (run.record().status, run.record().error) == ("FAILED", "States.Timeout")
    lock = run.table.lock()
    assert lock is not None
    assert lock.owner == "20261102-120000-aaaaaa"


def test_given_a_finished_run_that_kept_its_lock_when_reconciled_then_it_is_released(run: Aws) -> None:
    finish.handler(ending(run, **state()), None)
    run.table.take_lock(Lock(RUN_ID, "{}", "now"))
    run.end(status="SUCCEEDED")
    reconcile.handler({}, None)
    assert run.table.lock() is None
    assert run.record().outcome == "PROMOTED"


def test_given_a_run_that_died_while_publishing_when_reconciled_then_the_champion_serves_again(aws: Aws) -> None:
    aws.put(keys.CHAMPION, CHAMPION)
    aws.sagemaker.serve(NEW)
    assert f"goes back to {OLD}" in reconcile.handler({}, None)["endpoint"]
    assert aws.sagemaker.requests("update_endpoint")[0]["EndpointConfigName"] == OLD


def test_given_no_champion_when_reconciled_then_an_endpoint_is_left_alone(aws: Aws) -> None:
    """A pointer deleted by mistake must not take the endpoint with it."""
    aws.sagemaker.serve(NEW)
    assert reconcile.handler({}, None)["endpoint"] == "no champion yet"
    assert aws.sagemaker.calls == []


def test_given_an_active_run_when_reconciled_then_its_endpoint_is_its_own_business(run: Aws) -> None:
    run.put(keys.CHAMPION, CHAMPION)
    run.sagemaker.serve(NEW)
    assert reconcile.handler({}, None)["endpoint"] == ""
    assert run.sagemaker.requests("update_endpoint") == []
