"""An endpoint that does not do as it is told, and a champion pointer that moves."""

from __future__ import annotations

import pytest

from app.contracts import keys

from .rows import fault
from .world import World, wait_until


def stays(world: World, error: str) -> None:
    """The next run fails so, and the champion is who it was."""
    champion = world.champion()
    record = world.run()
    assert (record.status, record.error) == ("FAILED", error), record.cause
    assert record.cause
    assert world.champion() == champion
    assert len(world.inbox()) == 2


@fault("an update of the endpoint is silently rolled back",
       injected="UpdateEndpoint ends InService on the old configuration without a FailureReason",
       seen="run FAILED with PublishFailedError: was rolled back", recovers="the champion never stopped serving")
def test_silent_rollback(world: World) -> None:
    world.fault("rollback", world.pipeline.endpoint)
    stays(world, "PublishFailedError")


@fault("the endpoint ends Failed", injected="UpdateEndpoint ends Failed and nothing answers any more",
       seen="run FAILED with PublishFailedError",
       recovers="Restore deletes the endpoint and creates it again for the champion")
def test_endpoint_failed(world: World) -> None:
    world.fault("endpoint-failed", world.pipeline.endpoint)
    stays(world, "PublishFailedError")


@fault("the new server does not come up", injected="serve exits at once", seen="run FAILED with PublishFailedError",
       recovers="the old server was not stopped before the new one answered")
def test_server_does_not_start(world: World) -> None:
    world.order("serve", exit=1)
    stays(world, "PublishFailedError")


@fault("the endpoint answers unlike the evaluated model", injected="serve calls every image NG",
       seen="run FAILED with PublishUnfaithfulError and the differences",
       recovers="Restore goes back to the champion's configuration; the model package is Rejected")
def test_unfaithful(world: World) -> None:
    world.order("serve", unfaithful=True)
    stays(world, "PublishUnfaithfulError")


def delete(world: World) -> None:
    world.client("sagemaker").delete_endpoint(EndpointName=world.pipeline.endpoint)


@fault("the endpoint is deleted by hand, between runs", injected="DeleteEndpoint",
       seen="predictions fail until the reconciler comes round", recovers="the reconciler creates it for the champion")
def test_endpoint_deleted_at_rest(world: World) -> None:
    delete(world)
    assert world.endpoint() is None
    assert "goes back to" in world.invoke("reconcile")["endpoint"]
    wait_until(lambda: "serves" in world.invoke("reconcile")["endpoint"])


@pytest.mark.parametrize("moment", ["start-training", "publish", "verify"])
@fault("the endpoint is deleted by hand, during a run", injected="DeleteEndpoint during Train, in Publish or in Verify",
       seen="before Publish nothing; after it PublishFailedError",
       recovers="Publish creates it; otherwise Restore, then the reconciler, create it for the champion")
def test_endpoint_deleted_in_a_run(world: World, moment: str) -> None:
    known = world.run_ids()
    request = "UpdateEndpoint" if moment == "publish" else ""
    world.interfere("hold", request, function=moment)
    world.upload()
    run_id = world.next_run(known)
    wait_until(lambda: world.interfering()["held"] == 1)
    delete(world)
    world.let_go()
    record = world.ended(run_id)
    assert record.status in (("SUCCEEDED",) if moment == "start-training" else ("SUCCEEDED", "FAILED"))
    assert world.endpoint() is None or record.cause or record.outcome == "PROMOTED"


@pytest.mark.parametrize("moment", ["evaluate", "verify", "commit"])
@fault("the champion pointer moves meanwhile",
       injected="champion.json names the previous champion again, during Evaluate, Verify or Commit",
       seen="run FAILED with ChampionMovedError: force a run to compare with the new champion",
       recovers="Restore makes the endpoint serve whom the pointer names now")
def test_champion_moves(world: World, moment: str) -> None:
    assert world.run().outcome == "PROMOTED"
    known = world.run_ids()
    bodies = [world.client("s3").get_object(Bucket=world.pipeline.bucket, Key=keys.CHAMPION,
                                            VersionId=v["VersionId"])["Body"].read()
              for v in list(world.versions(keys.CHAMPION))[:2]]
    if moment == "evaluate":
        world.order("evaluate", seconds=2)
    else:
        world.interfere("hold", "", function=moment)
    world.upload()
    run_id = world.next_run(known)
    wait_until(lambda: "evaluate-1" in world.jobs_of(run_id) if moment == "evaluate" else world.interfering()["held"])
    world.client("s3").put_object(Bucket=world.pipeline.bucket, Key=keys.CHAMPION, Body=bodies[1])
    previous = world.champion()
    world.let_go()
    record = world.ended(run_id)
    assert (record.status, record.error) == ("FAILED", "ChampionMovedError"), record.cause
    assert world.champion() == previous
    assert len(world.inbox()) == 2
