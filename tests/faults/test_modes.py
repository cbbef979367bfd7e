"""Settings of serving that change under a champion which must go on answering."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.client import predictions
from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, World, wait_until

WHO_SERVES = ("publish", "verify", "restore", "reconcile", "move", "bake")


def deploy(world: World, **serving: Any) -> None:
    """What a deployment with other settings tells the functions."""
    functions = world.client("lambda")
    for handler in WHO_SERVES:
        name = names.function(ENVIRONMENT, handler)
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        settings = json.loads(variables["CASTLINE_SETTINGS"])
        settings["serving"].update(serving)
        variables["CASTLINE_SETTINGS"] = json.dumps(settings)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@pytest.fixture
def modes(world: World) -> Iterator[World]:
    """Afterwards the endpoint is serverless again."""
    yield world
    deploy(world, mode="serverless", bake_seconds=300)
    followed(world, "serverless")


def mode(world: World) -> str:
    described = world.endpoint() or {}
    if described.get("AsyncInferenceConfig"):
        return "async"
    [variant] = described.get("ProductionVariants") or [{}]
    return "serverless" if "CurrentServerlessConfig" in variant else "realtime"


def scaled(world: World) -> list[tuple[int, int]]:
    """The limits between which endpoints scale."""
    targets = world.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return [(target["MinCapacity"], target["MaxCapacity"]) for target in targets["ScalableTargets"]]


def followed(world: World, wanted: str) -> None:
    """The clock strikes until the champion's pointer names a configuration in the mode, and the endpoint serves it."""

    def there() -> bool:
        world.invoke("reconcile")
        champion, endpoint = world.champion(), world.endpoint()
        return bool(champion and endpoint and mode(world) == wanted and endpoint["EndpointStatus"] == "InService"
                    and endpoint["EndpointConfigName"] == champion.endpoint_config)

    wait_until(there)


@pytest.mark.parametrize("other", ["realtime", "async"])
@fault("another mode is deployed while a champion serves",
       injected="serving.mode becomes realtime or async, then serverless again, which SageMaker does not do in place",
       seen="an endpoint beside the one that serves, for as long as it takes to prove the mode",
       recovers="the reconciler moves the champion step by step; its name and its model stay")
def test_mode_changes(modes: World, tmp_path: Path, other: str) -> None:
    before = modes.champion()
    assert before is not None
    deploy(modes, mode=other)
    followed(modes, other)
    moved = modes.champion()
    assert moved is not None
    assert (moved.run_id, moved.promoted_at) == (before.run_id, before.promoted_at)
    assert moved.endpoint_config != before.endpoint_config
    image = tmp_path / "casting.png"
    image.write_bytes(b"image")
    assert predictions.predict(modes.pipeline, image).prediction.model_version == before.run_id
    assert scaled(modes) == ([(0, 1)] if other == "async" else [])
    deploy(modes, mode="serverless")
    followed(modes, "serverless")
    assert modes.champion() == before
    assert scaled(modes) == []
    assert [e["EndpointName"] for e in modes.client("sagemaker").list_endpoints()["Endpoints"]] == [
        modes.pipeline.endpoint]


@fault("another mode is deployed that cannot be served", injected="the server of the new mode exits at once",
       seen="the topic says why, the champion serves as before",
       recovers="it is tried again in a day, or after another deployment")
def test_mode_that_does_not_come_up(modes: World) -> None:
    before = modes.champion()
    modes.order("serve", exit=1)
    deploy(modes, mode="realtime")
    wait_until(lambda: modes.invoke("reconcile") and any("cannot serve as the settings say" in m
                                                         for m in modes.take_messages()))
    assert modes.champion() == before
    assert mode(modes) == "serverless"
    assert "serves" in modes.invoke("reconcile")["endpoint"]


@fault("an alarm goes off while new machines are watched",
       injected="on machines: the alarm on server errors is in ALARM while golden images are sent to the new ones",
       seen="run FAILED with PublishFailedError: was rolled back", recovers="the old machines never stopped answering")
def test_alarm_rolls_back(modes: World) -> None:
    deploy(modes, mode="realtime", bake_seconds=1200)  # twenty seconds here
    modes.invoke("move", {"again": True})  # that realtime could not be served a fault ago is remembered for a day
    followed(modes, "realtime")
    champion, cloudwatch = modes.champion(), modes.client("cloudwatch")
    alarms = names.rollout_alarms(ENVIRONMENT)
    for alarm in alarms:  # the stacks of a serverless endpoint have none
        cloudwatch.put_metric_alarm(
            AlarmName=alarm, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching")
    try:
        known = modes.run_ids()
        modes.upload()
        run_id = modes.next_run(known)
        wait_until(lambda: modes.invoke("bake")["sent"] == 1)
        cloudwatch.set_alarm_state(AlarmName=alarms[0], StateValue="ALARM", StateReason="server errors")
        record = modes.ended(run_id)
    finally:
        cloudwatch.delete_alarms(AlarmNames=list(alarms))
    assert (record.status, record.error) == ("FAILED", "PublishFailedError"), record.cause
    assert "rolled back" in record.cause
    assert modes.champion() == champion
    assert len(modes.inbox()) == 2
    modes.empty_the_inbox()
