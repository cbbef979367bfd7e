"""A person rolls back to an earlier champion, and something goes wrong on the way."""

from __future__ import annotations

import pytest

from app.contracts import keys
from app.contracts.runs import Champion, RunRecord

from .rows import fault
from .world import World, wait_until

ORDER = {"force": True, "rollback_to": "previous", "reason": "it misses chipping"}


@pytest.fixture
def two(world: World) -> tuple[str, str]:
    """Run ids of the champion and of the one that it beat."""
    second = world.run()
    assert second.outcome == "PROMOTED"
    champion = world.champion()
    assert champion is not None
    assert champion.previous_run_id is not None
    return champion.run_id, champion.previous_run_id


def rolled_back(world: World) -> RunRecord:
    return world.ended(world.invoke("gate", ORDER)["run_id"])


def named(world: World) -> str:
    champion = world.champion()
    assert champion is not None
    return champion.run_id


@fault("a champion turns out to be bad", injected="a person orders a rollback while nothing runs",
       seen="run ROLLED_BACK: which model serves again instead of which",
       recovers="the champion of before serves, proven by its golden images; the next run is compared with it; forward "
                "again is one more rollback", fast=True)
def test_rollback(world: World, two: tuple[str, str]) -> None:
    second, first = two
    record = rolled_back(world)
    assert (record.outcome, record.rollback_to) == ("ROLLED_BACK", first)
    assert record.decision[0].startswith(f"the model of run {first} (mask AP 0.500) serves again instead of that of ")
    assert named(world) == first
    assert [state.name for state in record.states] == ["Claim", "Recall", "Publish", "Verify", "Commit", "Finish"]
    third = world.run()
    assert third.outcome == "PROMOTED"
    beaten = world.document(Champion, keys.run_champion(first))
    assert (beaten.rolled_back_from, world.champion().previous_run_id) == (second, first)  # type: ignore[union-attr]
    forward = world.invoke("gate", {**ORDER, "rollback_to": second})["run_id"]
    assert world.ended(forward).outcome == "ROLLED_BACK"
    assert named(world) == second


@pytest.mark.parametrize("function", ["recall", "publish", "verify", "commit", "finish"])
@fault("a rollback is stopped half-way", injected="StopExecution while a function of the rollback waits in its first "
       "call, which then goes on", seen="run ABORTED: somebody stopped the run",
       recovers="the reconciler makes the endpoint serve whom the pointer names; ordered again, the rollback succeeds")
def test_abort(world: World, two: tuple[str, str], function: str) -> None:
    _, first = two
    world.interfere("hold", "", function=function)
    run_id = world.invoke("gate", ORDER)["run_id"]
    wait_until(lambda: world.interfering()["held"] == 1)
    world.abort(run_id)
    world.let_go()
    world.rest()
    assert world.ended(run_id).status in ("ABORTED", "SUCCEEDED")
    if named(world) != first:
        assert rolled_back(world).outcome == "ROLLED_BACK"
    assert named(world) == first


@pytest.mark.parametrize(("function", "call"), [("recall", 1), ("publish", 4), ("verify", 1), ("commit", 3),
                                                ("commit", 4), ("restore", 1)])
@fault("a function dies in a rollback", injected="its Lambda process is killed after one of its calls",
       seen="`Runtime.ExitError`", recovers="the state calls it again")
def test_function_dies(world: World, two: tuple[str, str], function: str, call: int) -> None:
    second, first = two
    world.interfere("kill-after", "", function=function, skip=call)
    if function == "restore":
        world.order("serve", unfaithful=True)
    record = rolled_back(world)
    expected = ("FAILED", second) if function == "restore" else ("SUCCEEDED", first)
    assert (record.status, named(world)) == expected, record.cause


@pytest.mark.parametrize(("injected", "error"), [
    ("rollback", "PublishFailedError"), ("endpoint-failed", "PublishFailedError"), ("exit", "PublishFailedError"),
    ("unfaithful", "PublishUnfaithfulError")])
@fault("the champion of before does not serve as it did",
       injected="UpdateEndpoint is rolled back or ends Failed; serve exits, or answers otherwise",
       seen="run FAILED with PublishFailedError or PublishUnfaithfulError",
       recovers="the pointer has not moved, and Restore makes the present champion serve again")
def test_endpoint_fails(world: World, two: tuple[str, str], injected: str, error: str) -> None:
    second, _ = two
    if injected in ("rollback", "endpoint-failed"):
        world.fault(injected, world.pipeline.endpoint)
    else:
        world.order("serve", **({"exit": 1} if injected == "exit" else {"unfaithful": True}))
    record = rolled_back(world)
    assert (record.status, record.error, named(world)) == ("FAILED", error, second), record.cause
    assert record.cause


@fault("a rollback is ordered while a run is at work", injected="the order comes while a job trains",
       seen="`run ... is active: wait for it, or stop it`: no rollback is started",
       recovers="nothing of the run is touched; after it, or after it was stopped, the order is given again")
def test_run_at_work(world: World, two: tuple[str, str]) -> None:
    second, _ = two
    known = world.run_ids()
    world.order("train", seconds=5)
    world.upload()
    run_id = world.next_run(known)
    answer = world.invoke("gate", ORDER)
    assert (answer["start"], answer["reason"]) == (False, f"run {run_id} is active: wait for it, or stop it")
    assert named(world) == second
    assert world.ended(run_id).outcome == "PROMOTED"


@fault("uploads come while a rollback is at work",
       injected="an upload with its marker, and eight gates, during Verify", seen="`run ... is active`",
       recovers="the end of the rollback wakes the gate: the next run uses the uploads and is compared with the "
                "champion that is back")
def test_uploads_meanwhile(world: World, two: tuple[str, str]) -> None:
    _, first = two
    world.interfere("hold", "", function="verify")
    run_id = world.invoke("gate", ORDER)["run_id"]
    known = world.run_ids()
    wait_until(lambda: world.interfering()["held"] == 1)
    world.upload()
    for _ in range(8):
        world.invoke("gate", wait=False)
    assert world.invoke("gate")["reason"] == f"run {run_id} is active"
    world.let_go()
    assert world.ended(run_id).outcome == "ROLLED_BACK"
    record = world.ended(world.next_run(known))
    assert record.outcome == "PROMOTED"
    assert world.champion().previous_run_id == first  # type: ignore[union-attr]


@pytest.mark.parametrize("function", ["recall", "verify", "commit"])
@fault("the champion pointer moves during a rollback",
       injected="champion.json names a third model, in Recall, Verify or Commit",
       seen="run FAILED with ChampionMovedError: look at `python -m app status`, then order it again",
       recovers="Restore, or the reconciler, makes the endpoint serve whom the pointer names")
def test_pointer_moves(world: World, two: tuple[str, str], function: str) -> None:
    second, first = two
    assert world.run().outcome == "PROMOTED"
    third = named(world)
    world.interfere("hold", "", function=function)
    run_id = world.invoke("gate", {**ORDER, "rollback_to": first, "rollback_from": third})["run_id"]
    wait_until(lambda: world.interfering()["held"] == 1)
    elsewhere = world.read(keys.run_champion(second))
    world.client("s3").put_object(Bucket=world.pipeline.bucket, Key=keys.CHAMPION, Body=elsewhere)
    world.let_go()
    record = world.ended(run_id)
    assert (record.status, record.error) == ("FAILED", "ChampionMovedError"), record.cause
    assert named(world) == second


@fault("the champion of before is not whole any more", injected="its golden images were deleted",
       seen="run FAILED with RollbackRefusedError before the endpoint was touched",
       recovers="the present champion never stopped serving")
def test_not_whole(world: World, two: tuple[str, str]) -> None:
    second, first = two
    key = keys.run(first, "evaluation", "golden", "golden.json")
    kept = world.read(key)
    world.client("s3").delete_object(Bucket=world.pipeline.bucket, Key=key)
    record = rolled_back(world)
    world.client("s3").put_object(Bucket=world.pipeline.bucket, Key=key, Body=kept)
    assert (record.status, record.error, record.failed_state) == ("FAILED", "RollbackRefusedError", "Recall")
    assert "Publish" not in [state.name for state in record.states]
    assert named(world) == second
