"""SageMaker or IAM refuse what the functions ask for."""

from __future__ import annotations

import pytest

from .rows import fault
from .world import World


@pytest.mark.parametrize(("request_", "error", "jobs"), [
    ("CreateProcessingJob", "JobConfigError", []), ("CreateTrainingJob", "TrainConfigError", ["prepare-1"])])
@fault("SageMaker refuses a request", injected="CreateProcessingJob or CreateTrainingJob answers ValidationException",
       seen="run FAILED with JobConfigError or TrainConfigError and SageMaker's sentence",
       recovers="no retry; the uploads wait for newer ones, the marker or a person")
def test_refused(world: World, request_: str, error: str, jobs: list[str]) -> None:
    world.interfere("refuse", request_, error="ValidationException")
    record = world.run()
    assert (record.status, record.error) == ("FAILED", error)
    assert "refused by order" in record.cause
    assert world.jobs_of(record.run_id) == jobs
    assert len(world.inbox()) == 2
    assert world.invoke("gate")["start"] is False


@fault("AWS throttles the functions", injected="three calls of each service answer ThrottlingException",
       seen="nothing but a longer state", recovers="boto3 asks again, with backoff")
def test_throttled(world: World) -> None:
    for target in ("SageMaker.Create", "DynamoDB.*PutItem", "SageMaker.Describe"):
        world.interfere("refuse", target, error="ThrottlingException", times=3)
    record = world.run()
    assert record.outcome == "PROMOTED", record.cause
    assert world.failures(record.run_id) == []
    assert world.interfering()["orders"] == 0


@fault("a permission is taken from a role", injected="CreateTrainingJob answers AccessDeniedException",
       seen="run FAILED with ClientError: AccessDeniedException and the action",
       recovers="the uploads wait until somebody has given it back and starts a run")
def test_denied(world: World) -> None:
    world.interfere("refuse", "CreateTrainingJob", error="AccessDeniedException")
    record = world.run()
    assert (record.status, record.error) == ("FAILED", "ClientError")
    assert "AccessDeniedException" in record.cause
    assert "CreateTrainingJob" in record.cause
    assert len(world.inbox()) == 2
    again = world.invoke("gate", {"force": True})["run_id"]
    assert world.ended(again).outcome == "PROMOTED"
    assert world.inbox() == {}
