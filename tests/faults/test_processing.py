"""What ends a processing job: each class of failure, and a person."""

from __future__ import annotations

from typing import Any

import pytest

from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, World, wait_until

FINAL: dict[str, dict[str, Any]] = {
    "JobMemoryError": {"exit": 137},
    "JobConfigError": {"failure": {"code": "CONFIG_INVALID", "message": "data.classes: unknown"}, "exit": 1},
    "JobAlgorithmError": {"failure": {"code": "INTERNAL", "message": "KeyError: 'x'"}, "exit": 1},
}


@pytest.mark.parametrize("error", FINAL)
@fault("a processing job fails for good: memory, settings, a bug",
       injected="prepare ends with exit status 137, or with its failure file",
       seen="run FAILED with JobMemoryError, JobConfigError or JobAlgorithmError",
       recovers="no retry; the uploads are kept")
def test_final_failures(world: World, error: str) -> None:
    world.order("prepare", **FINAL[error])
    record = world.run()
    assert (record.status, record.error) == ("FAILED", error)
    assert world.jobs_of(record.run_id) == ["prepare-1"]
    assert len(world.inbox()) == 2
    assert world.invoke("gate")["start"] is False


@pytest.mark.parametrize("program", ["prepare", "evaluate"])
@fault("no machine for a processing job", injected="CapacityError from prepare or evaluate",
       seen="JobCapacityError in the execution's history", recovers="the job is done again under the next name")
def test_no_machine(world: World, program: str) -> None:
    world.fault("capacity", program)
    record = world.run()
    assert record.outcome == "PROMOTED", record.cause
    assert "JobCapacityError" in world.failures(record.run_id)
    assert [job for job in world.jobs_of(record.run_id) if program in job] == [f"{program}-1", f"{program}-2"]


@fault("a person stops a processing job", injected="StopProcessingJob on prepare", seen="run FAILED with JobStopped",
       recovers="the uploads are kept and wait for a person")
def test_stopped_by_a_person(world: World) -> None:
    known = world.run_ids()
    world.order("prepare", seconds=30)
    world.upload()
    run_id = world.next_run(known)
    wait_until(lambda: "prepare-1" in world.jobs_of(run_id))
    world.client("sagemaker").stop_processing_job(ProcessingJobName=names.job(ENVIRONMENT, run_id, "prepare"))
    record = world.ended(run_id)
    assert (record.status, record.error) == ("FAILED", "JobStopped")
    assert len(world.inbox()) == 2
