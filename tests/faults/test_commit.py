"""The last functions of a run die between any two of their calls."""

from __future__ import annotations

import pytest

from .rows import fault
from .world import World


@pytest.mark.parametrize("number", range(12))
@fault("the commit is interrupted halfway", injected="the Lambda process is killed after each of its calls in turn",
       seen="`Runtime.ExitError`", recovers="the state calls it again, and it goes on where it ended", fast=False)
def test_commit_dies(world: World, number: int) -> None:
    world.interfere("kill-after", "", function="commit", skip=number)
    assert world.run().outcome == "PROMOTED"
    assert world.inbox() == {}


@pytest.mark.parametrize("number", range(0, 16, 2))
@fault("finish is interrupted halfway", injected="the Lambda process is killed after each second of its calls",
       seen="`Runtime.ExitError`; at worst a second notification", recovers="the state calls it again")
def test_finish_dies(world: World, number: int) -> None:
    world.interfere("kill-after", "", function="finish", skip=number)
    record = world.run()
    assert record.status == "SUCCEEDED"


@pytest.mark.parametrize("number", range(0, 24, 3))
@fault("the failing path is interrupted halfway",
       injected="training fails, and fail_run is killed after each third of its calls, as often as it is tried",
       seen="the execution ends with FailRunError", recovers="the rule on failed executions, or the reconciler, "
       "records, tells and releases")
def test_fail_run_dies(world: World, number: int) -> None:
    world.order("train", failure={"code": "DATA_INVALID", "message": "no labels"}, exit=1)
    world.interfere("kill-after", "", function="fail-run", skip=number, times=4)
    known = world.run_ids()
    world.upload()
    run_id = world.next_run(known)
    world.rest()
    record = world.ended(run_id)
    assert record.status == "FAILED"
    assert record.error in ("TrainDataError", "FailRunError")
    assert len(world.inbox()) == 2


@pytest.mark.parametrize("function", ["claim", "snapshot", "find-image", "compare", "verify", "gate"])
@fault("any other function dies", injected="its Lambda process is killed after its second call",
       seen="`Runtime.ExitError`", recovers="the state, or the clock, calls it again")
def test_any_function_dies(world: World, function: str) -> None:
    world.interfere("kill-after", "", function=function, skip=1)
    known = world.run_ids()
    world.upload()
    world.rest()
    (run_id,) = world.run_ids() - known
    assert world.ended(run_id).outcome == "PROMOTED"
