"""A person stops a run, in every state; and goes on with one whose turn is over."""

from __future__ import annotations

import json

import pytest

from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, STATES, World, wait_until

FUNCTIONS = {"Prepare": "start-prepare", "Train": "start-training", "Evaluate": "start-evaluation",
             "FindImage": "find-image"}


def held_in(world: World, state: str, *, skip: int = 0) -> str:
    """A run whose function of this state waits in the middle of its work."""
    known = world.run_ids()
    world.interfere("hold", "", function=FUNCTIONS.get(state, state.lower()), skip=skip)
    world.upload()
    run_id = world.next_run(known)
    wait_until(lambda: world.interfering()["held"] == 1)
    return run_id


@pytest.mark.parametrize("state", STATES)
@fault("a run is aborted by hand, in every state",
       injected="StopExecution while the state's function waits in its first call, which then goes on",
       seen="run ABORTED: somebody stopped the run; the state",
       recovers="the rule on aborted executions stops jobs, records, tells and releases; the uploads are kept, and the "
                "next run uses them")
def test_abort_in_a_function(world: World, state: str) -> None:
    run_id = held_in(world, state)
    world.abort(run_id)
    world.let_go()
    world.rest()
    assert world.ended(run_id).status in ("ABORTED", "SUCCEEDED")
    used_up = world.run()
    assert used_up.outcome == "PROMOTED", used_up.cause
    assert world.inbox() == {}


@pytest.mark.parametrize("state", ["Prepare", "Train", "Evaluate"])
@fault("a run is aborted by hand while its job runs", injected="StopExecution while the job works for half a minute",
       seen="run ABORTED; its job Stopped", recovers="the job is stopped, the uploads are kept")
def test_abort_while_a_job_runs(world: World, state: str) -> None:
    known = world.run_ids()
    world.order(state.lower(), seconds=30)
    world.upload()
    run_id = world.next_run(known)
    wait_until(lambda: f"{state.lower()}-1" in world.jobs_of(run_id))
    world.abort(run_id)
    record = world.ended(run_id)
    assert (record.status, record.failed_state) == ("ABORTED", state)
    job = names.job(ENVIRONMENT, run_id, state.lower())
    wait_until(lambda: {"name": job, "status": "Stopped"} in world.jobs())
    assert len(world.inbox()) == 2


@pytest.mark.parametrize("skip", range(2, 12))
@fault("a run is aborted by hand in the middle of its commit",
       injected="StopExecution while commit waits before each of its calls, which then go on",
       seen="run ABORTED", recovers="whatever the commit had done stays done, the rest is the next run's")
def test_abort_in_the_commit(world: World, skip: int) -> None:
    run_id = held_in(world, "Commit", skip=skip)
    world.abort(run_id)
    world.let_go()
    world.rest()
    assert world.ended(run_id).status in ("ABORTED", "SUCCEEDED")
    assert world.run().status == "SUCCEEDED"
    assert world.inbox() == {}


@pytest.mark.parametrize(("state", "function"), [("Train", "start_training"), ("Publish", "publish"),
                                                 ("Commit", "commit")])
@fault("a redrive after a takeover", injected="an aborted run goes on in Train, Publish or Commit, with the input that "
       "the state had, after another run has used its uploads",
       seen="RunInProgressError: cannot go on, force a run instead of a redrive",
       recovers="nothing is started, published or committed twice")
def test_redrive_after_takeover(world: World, state: str, function: str) -> None:
    run_id = held_in(world, state)
    world.abort(run_id)
    world.let_go()
    world.rest()
    assert world.run().outcome == "PROMOTED"
    champion, jobs = world.champion(), world.jobs_of(run_id)
    arn = world.pipeline.execution_arn(run_id)
    given = world.input_of(arn, state)
    waiting = {"token": "stale", "execution_arn": arn, "run_id": run_id,
               "image_uri": given["image"]["image_uri"], "version": given["prepare"]["detail"]["version"]}
    event = {
        "Train": lambda: {**waiting, "attempt": given["attempt"]},
        "Publish": lambda: {**{k: v for k, v in waiting.items() if k != "version"},
                            **{k: given["model"][k] for k in ("model_artifact", "champion_run_id")},
                            "model_run_id": given["model"]["run_id"]},
        "Commit": lambda: {"state": given},
    }[state]()
    answer = world.invoke(function, event)
    assert answer["errorType"] == "RunInProgressError", json.dumps(answer)
    assert (world.champion(), world.jobs_of(run_id)) == (champion, jobs)
