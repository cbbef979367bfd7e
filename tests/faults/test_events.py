"""Events that come twice, late, in the wrong order, or never."""

from __future__ import annotations

from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, World, wait_until


@fault("events of uploads never arrive", injected="the rule on uploads is switched off",
       seen="nothing happens until the gate's clock strikes", recovers="the clock's look at the inbox starts the run",
       fast=True)
def test_missing_upload_events(world: World) -> None:
    known = world.run_ids()
    world.rules("Uploads", enabled=False)
    try:
        world.upload()
        assert world.run_ids() == known
        world.invoke("gate")
        assert world.ended(world.next_run(known)).outcome == "PROMOTED"
    finally:
        world.rules("Uploads", enabled=True)


@fault("events of jobs never arrive", injected="the rules on SageMaker's state changes are switched off",
       seen="states wait although their jobs are over",
       recovers="the reconciler asks Describe and answers each token", fast=True)
def test_missing_job_events(world: World) -> None:
    known = world.run_ids()
    words = ("TrainingJob", "ProcessingJob", "Endpoint")
    world.rules(*words, enabled=False)
    try:
        world.upload()
        run_id = world.next_run(known)
        answered = 0

        def over() -> bool:
            nonlocal answered
            answered += world.invoke("reconcile")["answered"]
            return run_id not in world.active()

        wait_until(over)
        assert (world.ended(run_id).outcome, answered) == ("PROMOTED", 4)
    finally:
        world.rules(*words, enabled=True)


@fault("events arrive twice", injected="every event about a job is delivered again, at once and after the run",
       seen="`nobody waits`, or the token is answered once", recovers="nothing to recover: events carry no data")
def test_duplicate_events(world: World) -> None:
    known = world.run_ids()
    world.upload()
    world.invoke("gate", wait=False)
    world.invoke("gate", wait=False)
    run_id = world.next_run(known)
    job = names.job(ENVIRONMENT, run_id, "train")
    events = [{"detail": {"TrainingJobName": job, "TrainingJobStatus": "Completed"}}] * 2
    while run_id in world.active():
        for event in events:
            assert world.invoke("resolve", event)["settled"] in ("nobody waits", "pending", "answered")
    assert world.ended(run_id).outcome == "PROMOTED"
    assert [world.invoke("resolve", event)["settled"] for event in events] == ["nobody waits"] * 2
    assert len(world.run_ids() - known) == 1


@fault("events arrive late and out of order",
       injected="`Completed` is told while the job still trains, `InProgress` of an old job after its end",
       seen="`pending`, `nobody waits`", recovers="Describe decides, not the event", fast=True)
def test_out_of_order_events(world: World) -> None:
    known = world.run_ids()
    world.order("train", seconds=1.5)
    world.upload()
    run_id = world.next_run(known)
    world.reach(run_id, "Train")
    job = names.job(ENVIRONMENT, run_id, "train")
    wait_until(lambda: job in world.waiting() and "train-1" in world.jobs_of(run_id))
    lie = {"detail": {"TrainingJobName": job, "TrainingJobStatus": "Completed"}}
    assert world.invoke("resolve", lie)["settled"] == "pending"
    old = {"detail": {"ProcessingJobName": names.job(ENVIRONMENT, run_id, "prepare"),
                      "ProcessingJobStatus": "InProgress"}}
    assert world.invoke("resolve", old)["settled"] == "nobody waits"
    assert world.ended(run_id).outcome == "PROMOTED"


@fault("an event about something else", injected="events with no name, and about a job of nobody",
       seen="`unknown`, `nobody waits`", recovers="nothing changes")
def test_foreign_events(world: World) -> None:
    assert world.invoke("resolve", {"detail": {}})["settled"] == "unknown"
    assert world.invoke("resolve", {"detail": {"TrainingJobName": "somebody-elses"}})["settled"] == "nobody waits"
    gone = world.pipeline.execution_arn("20200101-000000-abcdef")
    assert world.invoke("fail_run", {"detail": {"executionArn": gone}})["cause"] == "the execution is not over"
