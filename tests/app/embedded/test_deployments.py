"""Blue/green deployments of the local SageMaker: how the traffic goes over, and when it comes back."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from app.embedded.sagemaker.deployments import Plan
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.fleets import Fleet, Traffic

from .conftest import Local, wait_until
from .serving import ENDPOINT, SERVES, add, ask, create, described, instances, settled, update

ALARMS = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
HOUR = 3600


def blue_green(kind: str, wait: int, termination: int = 0, **members: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait}
    if kind == "CANARY":
        routing["CanarySize"] = {"Type": "INSTANCE_COUNT", "Value": 1}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination}
    return {"BlueGreenUpdatePolicy": policy, **members}


def set_alarm(local: Local, state: str) -> None:
    local.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")


def answers(local: Local, count: int) -> Counter[bytes]:
    return Counter(ask(local)[2] for _ in range(count))


def baking(local: Local) -> dict[str, Any]:
    """The pending deployment once its new fleet gets traffic."""
    def pending() -> dict[str, Any] | None:
        summary = described(local).get("PendingDeploymentSummary")
        status = summary and summary["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        return summary if status == "Baking" else None

    return wait_until(pending)


@pytest.fixture
def served(local: Local) -> Local:
    """An endpoint of four instances whose deployments last as long as on AWS, and an alarm."""
    local.start_again(minute_seconds=60)
    local.program("serve", SERVES)
    add(local, "first", b"first", instances(4))
    add(local, "second", b"second", instances(4))
    create(local, "first")
    local.cloudwatch.put_metric_alarm(
        AlarmName="errors", MetricName="Invocation5XXErrors", Namespace="AWS/SageMaker", Period=60, Threshold=1,
        EvaluationPeriods=1, Statistic="Sum", ComparisonOperator="GreaterThanOrEqualToThreshold")
    set_alarm(local, "OK")
    return local


def test_canary_gets_its_share_and_goes_back_on_alarm(served: Local) -> None:
    """Given a canary of one in four, when the alarm rings during its bake, then the old configuration serves alone."""
    update(served, "second", DeploymentConfig=blue_green("CANARY", HOUR, **ALARMS))
    pending = baking(served)
    assert (pending["EndpointConfigName"], pending["ProductionVariants"][0]["DesiredInstanceCount"]) == ("second", 4)
    assert (described(served)["EndpointStatus"], described(served)["EndpointConfigName"]) == ("Updating", "first")
    assert answers(served, 8) == {b"first?": 6, b"second?": 2}
    set_alarm(served, "ALARM")
    endpoint = settled(served)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "first")
    assert "ALARM state: errors" in endpoint["FailureReason"]
    assert "PendingDeploymentSummary" not in endpoint
    assert answers(served, 4) == {b"first?": 4}
    told = lambda: served.statuses("SageMaker Endpoint State Change", "EndpointStatus")  # noqa: E731
    wait_until(lambda: told()[-3:] == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"])


def test_all_at_once_keeps_the_old_fleet_until_its_termination_wait_is_over(served: Local) -> None:
    """Given all traffic on the new fleet, when the alarm rings before the old one ended, then it answers again."""
    update(served, "second", DeploymentConfig=blue_green("ALL_AT_ONCE", 0, HOUR, **ALARMS))
    baking(served)
    wait_until(lambda: answers(served, 2) == {b"second?": 2})
    set_alarm(served, "ALARM")
    assert settled(served)["EndpointConfigName"] == "first"
    assert answers(served, 2) == {b"first?": 2}


def test_deployment_ends_on_the_new_configuration(local: Local) -> None:
    """Given two waits that last half a second each, when nothing rings, then the new configuration serves."""
    local.program("serve", SERVES)
    add(local, "first", b"first", instances(2))
    add(local, "second", b"second", instances(3))
    create(local, "first")
    deployment = blue_green("CANARY", 600, 600)
    started = time.monotonic()
    update(local, "second", DeploymentConfig=deployment)
    endpoint = settled(local)
    assert time.monotonic() - started >= 1.0  # a bake and a termination wait of 600 s, at 0.05 s a minute
    assert (endpoint["EndpointConfigName"], endpoint["LastDeploymentConfig"]) == ("second", deployment)
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    assert "FailureReason" not in endpoint
    assert answers(local, 2) == {b"second?": 2}


def test_endpoint_deleted_during_a_bake_leaves_no_server(served: Local) -> None:
    update(served, "second", DeploymentConfig=blue_green("CANARY", HOUR))
    baking(served)
    served.call("DeleteEndpoint", EndpointName=ENDPOINT)
    wait_until(lambda: list(served.settings.children.iterdir()) == [])
    assert ask(served)[0] == 400


def test_new_fleet_that_dies_in_its_bake_is_rolled_back(served: Local) -> None:
    update(served, "second", DeploymentConfig=blue_green("ALL_AT_ONCE", 0, HOUR))
    baking(served)
    wait_until(lambda: answers(served, 1) == {b"second?": 1})
    ask(served, b"die")
    endpoint = settled(served)
    assert endpoint["EndpointConfigName"] == "first"
    assert "ping health check" in endpoint["FailureReason"]


def test_alarm_that_rings_before_the_deployment_stops_it(served: Local) -> None:
    set_alarm(served, "ALARM")
    update(served, "second", DeploymentConfig=blue_green("ALL_AT_ONCE", 0, **ALARMS))
    endpoint = settled(served)
    assert endpoint["EndpointConfigName"] == "first"
    assert "errors" in endpoint["FailureReason"]


def test_unknown_alarm_and_second_update_are_refused(served: Local) -> None:
    missing = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "absent"}]}}
    with pytest.raises(ApiError, match="do not exist: absent"):
        update(served, "second", DeploymentConfig=missing)
    assert described(served)["EndpointStatus"] == "InService"
    update(served, "second", DeploymentConfig=blue_green("CANARY", HOUR, **ALARMS))
    with pytest.raises(ApiError, match="Cannot update in-progress"):
        update(served, "second")
    set_alarm(served, "ALARM")
    assert settled(served)["EndpointConfigName"] == "first"


def test_restart_in_the_middle_of_a_deployment_serves_the_old_configuration(served: Local) -> None:
    update(served, "second", DeploymentConfig=blue_green("ALL_AT_ONCE", 0, HOUR))
    baking(served)
    served.start_again()
    endpoint = settled(served)
    assert (endpoint["EndpointConfigName"], "PendingDeploymentSummary" in endpoint) == ("first", False)
    assert answers(served, 1) == {b"first?": 1}


def test_instances_and_deployment_are_retained_when_asked(served: Local) -> None:
    served.call("UpdateEndpointWeightsAndCapacities", EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[
        {"VariantName": "all", "DesiredInstanceCount": 7}])
    wait_until(lambda: settled(served)["ProductionVariants"][0]["CurrentInstanceCount"] == 7)
    update(served, "second", RetainAllVariantProperties=True)
    assert settled(served)["ProductionVariants"][0]["CurrentInstanceCount"] == 7
    update(served, "first", RetainAllVariantProperties=True,
           ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}])
    assert settled(served)["ProductionVariants"][0]["CurrentInstanceCount"] == 4


def test_requests_are_divided_exactly() -> None:
    blue, green = (Fleet("e", {"EndpointConfigName": name}, None, 1) for name in ("blue", "green"))
    traffic = Traffic(blue)
    traffic.shift(green, 0.1)
    assert [traffic.pick() is green for _ in range(20)] == ([False] * 9 + [True]) * 2
    traffic.shift(green, 1.0)
    assert traffic.pick() is green
    traffic.end_shift(blue)
    assert traffic.pick() is blue


def test_plan_shortens_waits_but_not_the_time_limit() -> None:
    deployment = blue_green("CANARY", 600, 300, **ALARMS)
    deployment["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 3000
    assert Plan.of(deployment, 2, lambda seconds: seconds / 60) == Plan((0.5, 1.0), 10.0, 5.0, 3000, ("errors",))
    assert Plan.of({}, 2, lambda seconds: seconds) == Plan()
