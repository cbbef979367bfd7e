"""Functions that die in the middle of what they do, and clocks that strike at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.contracts import documents, names, table
from app.contracts.runs import RunInput

from .rows import fault
from .world import ENVIRONMENT, World, wait_until

CREATES = {
    "start-prepare": "CreateProcessingJob",
    "start-training": "CreateTrainingJob",
    "start-evaluation": "CreateProcessingJob",
    "register": "CreateModelPackage",
    "publish": "UpdateEndpoint",
}


@pytest.mark.parametrize("function", CREATES)
@fault("a function dies before it creates its job", injected="the Lambda process is killed as its create call comes in",
       seen="`Runtime.ExitError`", recovers="the state calls the function again; the token that nobody got is replaced")
def test_dies_before_create(world: World, function: str) -> None:
    world.interfere("kill-before", CREATES[function], function=function)
    record = world.run()
    assert (record.outcome, world.interfering()["orders"]) == ("PROMOTED", 0)
    assert world.jobs_of(record.run_id) == ["evaluate-1", "prepare-1", "train-1"]


def after_create(world: World, function: str) -> None:
    world.interfere("kill-after", CREATES[function], function=function)
    record = world.run()
    assert (record.outcome, world.interfering()["orders"]) == ("PROMOTED", 0)
    assert world.jobs_of(record.run_id) == ["evaluate-1", "prepare-1", "train-1"]
    packages = world.client("sagemaker").list_model_packages(ModelPackageGroupName="castline-test", MaxResults=100)
    described = [p.get("ModelPackageDescription", "") for p in packages["ModelPackageSummaryList"]]
    assert sum(record.run_id in words for words in described) == 1


AFTER = {
    "fault": "a function dies after it has created its job",
    "injected": "the Lambda process is killed when its create call has taken effect, before the answer",
    "seen": "`Runtime.ExitError`, then `adopted a job that exists`",
    "recovers": "the name is deterministic: the second call finds the job and waits for it",
}


@fault(**AFTER, fast=True)
def test_training_dies_after_create(world: World) -> None:
    after_create(world, "start-training")


@pytest.mark.parametrize("function", [name for name in CREATES if name != "start-training"])
@fault(**AFTER)
def test_dies_after_create(world: World, function: str) -> None:
    after_create(world, function)


@fault("a function takes too long", injected="compare is given fifteen seconds, and its first call waits",
       seen="`Sandbox.Timedout` in the execution's history", recovers="the state calls it again")
def test_takes_too_long(world: World) -> None:
    functions, name = world.client("lambda"), names.function(ENVIRONMENT, "compare")
    given = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=15)
    try:
        world.interfere("hold", "GET", function="compare")
        record = world.run()
        assert record.outcome == "PROMOTED", record.cause
        assert "Sandbox.Timedout" in world.failures(record.run_id)
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=given)


@fault("two gates look at once", injected="eight gates are woken together with an upload", seen="one run starts",
       recovers="the lock is taken by a conditional write: `another look at the inbox was faster`", fast=True)
def test_two_gates(world: World) -> None:
    known = world.run_ids()
    world.upload()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.invoke("gate"), range(8)))
    run_id = world.next_run(known)
    assert world.ended(run_id).outcome == "PROMOTED"
    assert sum(f"run {run_id}: " in a["reason"] for a in answers) <= 1
    assert world.run_ids() - known == {run_id}


@fault("a lock owner that never started", injected="the gate dies between taking the lock and starting the execution",
       seen="the lock is held by a run without an execution",
       recovers="the next look at the inbox starts exactly that run", fast=True)
def test_owner_never_started(world: World) -> None:
    known = world.run_ids()
    world.rules("Uploads", enabled=False)
    try:
        world.upload()
        world.interfere("kill-before", "StartExecution", function="gate")
        assert world.invoke("gate")["errorType"] == "Runtime.ExitError"
        lock = world.lock()
        assert lock is not None
        assert world.run_ids() == known
        assert world.invoke("gate")["run_id"] == lock["owner"]["S"]
        assert world.ended(lock["owner"]["S"]).outcome == "PROMOTED"
    finally:
        world.rules("Uploads", enabled=True)


@fault("an execution that somebody starts by hand", injected="StartExecution with a made-up run while another runs",
       seen="the execution fails with RunInProgressError",
       recovers="nothing of the active run is touched; the gate starts runs")
def test_started_by_hand(world: World) -> None:
    known = world.run_ids()
    world.order("train", seconds=2)
    world.upload()
    run_id = world.next_run(known)
    world.reach(run_id, "Train")
    stranger = RunInput("20200101-000000-aaaaaa", "by hand", "2020-01-01T00:00:00+00:00")
    arn = world.client("stepfunctions").start_execution(
        stateMachineArn=world.pipeline.state_machine_arn, name=f"{run_id[:-6]}ffffff",
        input=documents.to_json(stranger))["executionArn"]
    described = wait_until(lambda: (d := world.client("stepfunctions").describe_execution(executionArn=arn))[
        "status"] != "RUNNING" and d)
    assert (described["status"], described["error"]) == ("FAILED", "RunInProgressError")
    assert world.ended(run_id).outcome == "PROMOTED"


@fault("a stale token", injected="the token of a state that has moved on is answered, with a result and with a failure",
       seen="`nobody waits for this token any more`", recovers="the reconciler forgets it; the run is not disturbed")
def test_stale_token(world: World) -> None:
    known = world.run_ids()
    world.order("prepare", seconds=1)
    world.order("train", seconds=2)
    world.upload()
    run_id = world.next_run(known)
    item = wait_until(lambda: next((world.item(table.JOB_PK, name) for name in world.waiting()), None))
    world.reach(run_id, "Train")
    world.put_item(item)
    job = item["sk"]["S"]
    assert world.invoke("resolve", {"detail": {"ProcessingJobName": job}})["settled"] == "answered"
    assert job not in world.waiting()
    assert world.ended(run_id).outcome == "PROMOTED"
