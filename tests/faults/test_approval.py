"""A model waits for a person, who says yes, no, nothing, or too late."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from app.client import approvals
from app.client.approvals import Waiting
from app.client.pipeline import PipelineError
from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, World, wait_until

TIMEOUT_SECONDS = 5


@contextlib.contextmanager
def asking(world: World) -> Iterator[None]:
    """A deployment whose settings ask a person."""
    functions, name = world.client("lambda"), names.function(ENVIRONMENT, "register")
    told = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    settings = json.loads(told["CASTLINE_SETTINGS"])
    settings["promotion"] |= {"require_approval": True}
    changed = told | {"CASTLINE_SETTINGS": json.dumps(settings)}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": told})


def waiting(world: World) -> Waiting:
    """The run of an upload, once its model waits."""
    world.upload()
    return wait_until(lambda: approvals.waiting(world.pipeline))


@fault("a model needs a person's yes",
       injected="promotion.require_approval; UpdateModelPackage as the console sends it, with and without its event",
       seen="a notification with the figures, `status` and `watch`, then PROMOTED",
       recovers="the event answers the token; when it is lost, the reconciler does", fast=True)
@pytest.mark.parametrize("event", [True, False])
def test_yes_in_the_console(world: World, event: bool) -> None:
    with asking(world):
        asked = waiting(world)
    assert asked.challenger_ap == 0.5
    subject = f"Castline run {asked.run_id}: approve or reject its model"
    wait_until(lambda: any(json.loads(m).get("Subject") == subject for m in world.take_messages()))
    world.rules("ModelPackage", enabled=event)
    world.client("sagemaker").update_model_package(
        ModelPackageArn=asked.model_package_arn, ModelApprovalStatus="Approved")
    if not event:
        wait_until(lambda: world.invoke("reconcile")["answered"])
        world.rules("ModelPackage", enabled=True)
    assert world.ended(asked.run_id).outcome == "PROMOTED"
    with pytest.raises(PipelineError, match="was approved already without a person"):
        approvals.decide(world.pipeline, asked.run_id, "Rejected", "too late")


@fault("a person rejects a model", injected="`app reject --reason`", seen="run REJECTED with the reason",
       recovers="the champion serves on, the data join the data set; a second word is refused")
def test_no(world: World) -> None:
    champion = world.champion()
    with asking(world):
        asked = waiting(world)
    approvals.decide(world.pipeline, "", "Rejected", "misses chipping")
    record = world.ended(asked.run_id)
    assert (record.outcome, world.champion(), world.inbox()) == ("REJECTED", champion, {})
    assert record.decision[-1].endswith(": misses chipping")
    with pytest.raises(PipelineError, match="was rejected already"):
        approvals.decide(world.pipeline, asked.run_id, "Approved", "")


@fault("nobody decides on a model", injected=f"the deployed definition waits {TIMEOUT_SECONDS} seconds for an answer",
       seen="run REJECTED: nobody decided in time",
       recovers="Withdraw rejects the package, the data join the data set, the gate goes on with new uploads")
def test_nobody_decides(world: World) -> None:
    machine = {"stateMachineArn": world.pipeline.state_machine_arn}
    states = world.client("stepfunctions")
    as_deployed = states.describe_state_machine(**machine)["definition"]
    hasty = json.loads(as_deployed)
    hasty["States"]["Register"]["TimeoutSeconds"] = TIMEOUT_SECONDS
    champion = world.champion()
    states.update_state_machine(**machine, definition=json.dumps(hasty))
    try:
        with asking(world):
            known = world.run_ids()
            world.upload()
            record = world.ended(world.next_run(known))
    finally:
        states.update_state_machine(**machine, definition=as_deployed)
    assert (record.outcome, world.champion(), world.inbox()) == ("REJECTED", champion, {})
    assert record.decision[-1] == "rejected: nobody decided within 14 days"
    assert world.run().outcome == "PROMOTED"


@fault("a run is stopped while a person is asked", injected="StopExecution, then an approval",
       seen="run ABORTED; the approval is refused: it ended before anybody decided",
       recovers="the uploads are kept, the next run uses them")
def test_stopped_while_asked(world: World) -> None:
    with asking(world):
        asked = waiting(world)
    world.abort(asked.run_id)
    world.rest()
    assert world.ended(asked.run_id).status == "ABORTED"
    with pytest.raises(PipelineError, match="it ended before anybody decided"):
        approvals.decide(world.pipeline, asked.run_id, "Approved", "")
    assert world.run().outcome == "PROMOTED"
    assert world.inbox() == {}
