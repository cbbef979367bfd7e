"""What a training or processing job may end with, and what is tried next."""

from __future__ import annotations

import json

import pytest

from app import cloud
from app.client.pipeline import PipelineError
from app.contracts import keys, names

from .rows import fault
from .world import ENVIRONMENT, World, wait_until

FINAL = {
    "TrainDataError": {"failure": {"code": "DATA_INVALID", "message": "no labels"}, "exit": 1},
    "TrainConfigError": {"failure": {"code": "CONFIG_INVALID", "message": "epochs = -1"}, "exit": 1},
    "TrainAlgorithmError": {"failure": {"code": "LOSS_NOT_FINITE", "message": "loss is NaN at step 7"}, "exit": 1},
    "TrainAlgorithmError without a word": {"exit": 3},
    "TrainAlgorithmError of damage": {"failure": {"code": "CHECKPOINT_DAMAGED", "message": "none whole"}, "exit": 1},
    "TrainAlgorithmError of strangers": {"failure": {"code": "CHECKPOINT_MISMATCH", "message": "size"}, "exit": 1},
    "TrainAlgorithmError of a bug": {"failure": {"code": "INTERNAL", "message": "KeyError: 'x'"}, "exit": 1},
}


def failed(world: World, error: str, *jobs: str) -> None:
    """The next run fails so, keeps its uploads and tells."""
    record = world.run()
    assert (record.status, record.error) == ("FAILED", error)
    assert record.cause
    assert world.jobs_of(record.run_id) == sorted(jobs)
    assert len(world.inbox()) == 2
    assert world.invoke("gate")["start"] is False


def recovered(world: World, *jobs: str) -> list[tuple[str, bool, int]]:
    """The next run is promoted with these jobs; returns error, spot and halvings of its attempts."""
    record = world.run()
    assert (record.status, record.outcome) == ("SUCCEEDED", "PROMOTED"), record.cause
    assert world.jobs_of(record.run_id) == sorted(jobs)
    return [(attempt.error, attempt.spot, attempt.batch_halvings) for attempt in record.training]


@pytest.mark.parametrize("name", FINAL)
@fault("training fails for good: bad data, bad settings, NaN loss, damaged or foreign checkpoints, a bug",
       injected="the program writes its failure file, or nothing, and exits non-zero",
       seen="run FAILED with TrainDataError, TrainConfigError or TrainAlgorithmError and the program's sentence",
       recovers="no retry; the uploads wait for newer ones, the marker or a person")
def test_final_failures(world: World, name: str) -> None:
    world.order("train", **FINAL[name])
    failed(world, name.split()[0], "prepare-1", "train-1")


@pytest.mark.parametrize("order", [{"failure": {"code": "OUT_OF_MEMORY", "message": "13 GB"}, "exit": 1},
                                   {"exit": 137}])
@fault("training runs out of memory", injected="failure code OUT_OF_MEMORY, or exit status 137",
       seen="TrainMemoryError in the attempts of the run", recovers="the next attempt takes half the batch")
def test_out_of_memory(world: World, order: dict[str, object]) -> None:
    world.order("train", **order)
    attempts = recovered(world, "prepare-1", "train-1", "train-2", "evaluate-1")
    assert attempts == [("TrainMemoryError", True, 0), ("", True, 1)]


@fault("one of several hosts is lost", injected="failure code HOST_LOST", seen="TrainInternalError in the attempts",
       recovers="the next attempt goes on from the checkpoints, on the same rung")
def test_host_lost(world: World) -> None:
    world.order("train", failure={"code": "HOST_LOST", "message": "algo-2 does not answer"}, exit=1)
    attempts = recovered(world, "prepare-1", "train-1", "train-2", "evaluate-1")
    assert attempts == [("TrainInternalError", True, 0), ("", True, 0)]


@pytest.mark.parametrize("kind", ["capacity", "max-wait"])
@fault("no machine: CapacityError, or Stopped with MaxWaitTimeExceeded", injected="a fault of the local SageMaker",
       seen="TrainCapacityError in the attempts of the run", recovers="the next rung of the ladder, here on demand")
def test_no_machine(world: World, kind: str) -> None:
    world.fault(kind, "train")
    attempts = recovered(world, "prepare-1", "train-1", "train-2", "evaluate-1")
    assert attempts == [("TrainCapacityError", True, 0), ("", False, 0)]


@fault("no machine on any rung", injected="CapacityError as often as the ladder has rungs",
       seen="run FAILED with TrainCapacityError", recovers="the gate tries the same uploads again after a back-off")
def test_no_machine_at_all(world: World) -> None:
    world.fault("capacity", "train", times=2)
    record = world.run()
    assert (record.status, record.error) == ("FAILED", "TrainCapacityError")
    wait_until(lambda: world.tick() and not world.inbox())


@fault("Stopped with MaxRuntimeExceeded", injected="a fault of the local SageMaker",
       seen="TrainTimeLimitError in the attempts of the run; a partial model is never published",
       recovers="one more attempt from the checkpoints, then the run fails")
def test_time_limit(world: World) -> None:
    world.fault("max-runtime", "train")
    attempts = recovered(world, "prepare-1", "train-1", "train-2", "evaluate-1")
    assert attempts == [("TrainTimeLimitError", True, 0), ("", True, 0)]
    world.fault("max-runtime", "train", times=2)
    failed(world, "TrainTimeLimitError", "prepare-1", "train-1", "train-2")


@fault("SageMaker breaks: InternalServerError", injected="a fault of the local SageMaker, in each kind of job",
       seen="TrainInternalError in the attempts; the processing job ends as JobInternalError",
       recovers="training again on its rung, processing again under the next name")
def test_internal_errors(world: World) -> None:
    world.fault("internal", "prepare")
    world.fault("internal", "train", times=2)
    world.fault("internal", "evaluate")
    attempts = recovered(
        world, "prepare-1", "prepare-2", "train-1", "train-2", "train-3", "evaluate-1", "evaluate-2")
    assert [error for error, _, _ in attempts] == ["TrainInternalError", "TrainInternalError", ""]


@fault("a quota is used up", injected="CreateTrainingJob and CreateProcessingJob answer ResourceLimitExceeded",
       seen="TrainQuotaError, JobQuotaError in the execution's history", recovers="the state itself asks again")
def test_quota(world: World) -> None:
    for job in ("prepare", "train", "evaluate"):
        world.fault("quota", job, times=3)
    assert recovered(world, "prepare-1", "train-1", "evaluate-1") == [("", True, 0)]


@fault("training finds no data", injected="the version lacks the shards of a split",
       seen="run FAILED with TrainConfigError and the address that is empty", recovers="no retry; the uploads are kept")
def test_no_data(world: World) -> None:
    world.order("prepare", without="val")
    failed(world, "TrainConfigError", "prepare-1", "train-1")


@pytest.mark.parametrize(("program", "jobs"), [("prepare", ["prepare-1"]),
                                               ("evaluate", ["evaluate-1", "prepare-1", "train-1"])])
@fault("a processing job fails for good", injected="failure code DATA_TOO_FEW from prepare and from evaluate",
       seen="run FAILED with JobDataError and the program's sentence", recovers="no retry; the uploads are kept")
def test_processing_fails(world: World, program: str, jobs: list[str]) -> None:
    world.order(program, failure={"code": "DATA_TOO_FEW", "message": "3 images"}, exit=1)
    failed(world, "JobDataError", *jobs)


@fault("a job that completes without a result", injected="evaluate ends well and writes nothing",
       seen="run FAILED with JobAlgorithmError: completed without a usable result", recovers="the uploads are kept")
def test_no_result(world: World) -> None:
    world.order("evaluate", silent=True)
    failed(world, "JobAlgorithmError", "evaluate-1", "prepare-1", "train-1")


@fault("a person stops the training job", injected="StopTrainingJob", seen="run FAILED with TrainStopped",
       recovers="the uploads are kept and wait for a person")
def test_stopped_by_a_person(world: World) -> None:
    known = world.run_ids()
    world.order("train", seconds=30)
    world.upload()
    run_id = world.next_run(known)
    job = names.job(ENVIRONMENT, run_id, "train")
    wait_until(lambda: "train-1" in world.jobs_of(run_id))
    world.client("sagemaker").stop_training_job(TrainingJobName=job)
    record = world.ended(run_id)
    assert (record.status, record.error) == ("FAILED", "TrainStopped")
    assert len(world.inbox()) == 2


def interrupt(world: World, run_id: str) -> None:
    """Take the spot machine away once it trains."""
    def taken() -> bool:
        try:
            return bool(cloud.interrupt_training(world.pipeline, run_id))
        except PipelineError:
            return False

    before = transitions(world, run_id).count("Interrupted")
    wait_until(taken)
    wait_until(lambda: transitions(world, run_id).count("Interrupted") > before)


def transitions(world: World, run_id: str) -> list[str]:
    if "train-1" not in world.jobs_of(run_id):
        return []
    job = world.client("sagemaker").describe_training_job(TrainingJobName=names.job(ENVIRONMENT, run_id, "train"))
    return [t["Status"] for t in job["SecondaryStatusTransitions"]]


@pytest.mark.parametrize("times", [1, 2, 5])
@fault("the spot machine is taken away 1, 2 or 5 times", injected="an interruption by the local SageMaker",
       seen="interruptions in the attempt; billed seconds below total seconds",
       recovers="the job goes on from its checkpoint on the next machine")
def test_interruptions(world: World, times: int) -> None:
    known = world.run_ids()
    for _ in range(times):
        world.order("train", seconds=10)
    world.upload()
    run_id = world.next_run(known)
    for _ in range(times):
        interrupt(world, run_id)
    record = world.ended(run_id)
    assert record.outcome == "PROMOTED", record.cause
    (attempt,) = record.training
    assert attempt.interruptions == times
    assert attempt.billable_seconds < attempt.seconds


@fault("checkpoints no longer reach S3", injected="every upload to the checkpoints' prefix is refused from a moment on",
       seen="training goes on; after an interruption it resumes from the last checkpoint that S3 has",
       recovers="only the steps since then are done again")
def test_checkpoint_sync_stops(world: World) -> None:
    known = world.run_ids()
    world.order("train", seconds=60)
    world.order("train", seconds=0)
    world.upload()
    run_id = world.next_run(known)
    key = keys.checkpoints(run_id) + "step.json"
    wait_until(lambda: world.read(key))
    world.interfere("refuse", f"PUT .*{key}", times=1000)
    kept = int(world.read(key) or b"0")
    interrupt(world, run_id)
    assert int(world.read(key) or b"0") == kept
    world.let_go()
    record = world.ended(run_id)
    assert record.outcome == "PROMOTED", record.cause
    assert json.loads(world.read(key) or b"0") == kept + 1


@fault("nobody reports on a job: heartbeats are lost",
       injected="no events and no reconciler, and a heartbeat of four seconds in the deployed definition",
       seen="States.HeartbeatTimeout in the history", recovers="the state attaches to the same job with a new token")
def test_heartbeat_loss(world: World) -> None:
    machine = {"stateMachineArn": world.pipeline.state_machine_arn}
    states = world.client("stepfunctions")
    as_deployed = states.describe_state_machine(**machine)["definition"]
    hasty = json.loads(as_deployed)
    hasty["States"]["Train"]["HeartbeatSeconds"] = 4
    states.update_state_machine(**machine, definition=json.dumps(hasty))
    world.rules("TrainingJob", enabled=False)
    try:
        known = world.run_ids()
        world.order("train", seconds=6)
        world.upload()
        run_id = world.next_run(known)
        wait_until(lambda: "States.HeartbeatTimeout" in world.failures(run_id))
        assert world.ended(run_id).outcome == "PROMOTED"
        assert world.jobs_of(run_id) == ["evaluate-1", "prepare-1", "train-1"]
    finally:
        world.rules("TrainingJob", enabled=True)
        states.update_state_machine(**machine, definition=as_deployed)
