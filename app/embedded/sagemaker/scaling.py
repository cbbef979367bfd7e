"""What scaling policies do: the number of instances that an endpoint should have, looked at once a minute.

AWS waits for CloudWatch alarms to collect data points. Here the present value of a metric decides, so that a laptop
scales in seconds; which alarm starts a step-scaling policy is still read from CloudWatch.

Source: Amazon SageMaker developer guide, "Autoscale an asynchronous endpoint"; Application Auto Scaling user guide,
"Target tracking scaling policies" and "Step scaling policies".
"""

from __future__ import annotations

import dataclasses
import logging
import math
import operator
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from app.embedded.sagemaker import metrics
from app.embedded.sagemaker.async_requests import AsyncRequests
from app.embedded.sagemaker.autoscaling import TARGET, policies_of
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.endpoints import Endpoints
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.fleets import Fleet
from app.embedded.sagemaker.invocations import Invocations
from app.embedded.sagemaker.shapes import Record

MINUTE = 60.0
SCALE_IN_SECONDS = 15 * MINUTE
"""How long a target-tracking metric stays low before instances go: 15 data points of a minute, as its alarms have."""
DEFAULT_COOLDOWN_SECONDS = 300
BACKLOG_SECONDS = 60.0
"""How often an unchanged backlog is told to CloudWatch."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge, "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le, "LessThanThreshold": operator.lt,
}
log = logging.getLogger("castline.scaling")


@dataclasses.dataclass(frozen=True)
class Load:
    """What an endpoint has to do now."""

    instances: int
    backlog: int = 0
    """Asynchronous requests that wait or are being answered."""
    invocations: int = 0
    """In the last minute."""

    def total(self, policy: Record) -> float | None:
        """The load that a target-tracking policy divides by its target; None when nobody here measures it."""
        config = policy["TargetTrackingScalingPolicyConfiguration"]
        if "PredefinedMetricSpecification" in config:
            return float(self.invocations)
        name = config["CustomizedMetricSpecification"].get("MetricName")
        return float(self.backlog) if name == "ApproximateBacklogSizePerInstance" else None

    def metric(self, name: str) -> float | None:
        """The present value of a metric that an alarm may watch."""
        values = {"HasBacklogWithoutCapacity": float(self.backlog > 0 and self.instances == 0),
                  "ApproximateBacklogSize": float(self.backlog)}
        if self.instances:
            values["ApproximateBacklogSizePerInstance"] = self.backlog / self.instances
        return values.get(name)


def tracked(policy: Record, load: Load) -> int | None:
    """How many instances a target-tracking policy wants; None when it has no say.

    From no instance at all it starts some only when the backlog exceeds the target, as on AWS: for the first request
    a step-scaling policy on HasBacklogWithoutCapacity is needed.
    """
    total = load.total(policy)
    target: float = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    if total is None or (load.instances == 0 and total <= target):
        return None
    return math.ceil(total / target)


def stepped(policy: Record, load: Load, alarms: Sequence[Record]) -> int | None:
    """How many instances a step-scaling policy wants; None when no alarm with its action is breached."""
    config = policy["StepScalingPolicyConfiguration"]
    for alarm in alarms:
        value = load.metric(alarm.get("MetricName", ""))
        compare = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
        if policy["PolicyARN"] not in alarm.get("AlarmActions", []) or value is None or compare is None:
            continue
        if not compare(value, alarm["Threshold"]):
            continue
        beyond = value - alarm["Threshold"]
        for step in config["StepAdjustments"]:
            low, high = step.get("MetricIntervalLowerBound", -math.inf), step.get("MetricIntervalUpperBound", math.inf)
            if low <= beyond < high:
                return _adjusted(config["AdjustmentType"], load.instances, step["ScalingAdjustment"])
    return None


def is_of(endpoint: str, metric: Record) -> bool:
    """Whether an alarm, or a customized metric, is about the queue of an endpoint: another one moves nothing."""
    dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])}
    return metric.get("Namespace") == metrics.NAMESPACE and dimensions == {"EndpointName": endpoint}


def _tracks(endpoint: str, policy: Record) -> bool:
    config = policy.get("TargetTrackingScalingPolicyConfiguration")
    customized = config and config.get("CustomizedMetricSpecification")
    return bool(config) and (not customized or is_of(endpoint, customized))


def _adjusted(kind: str, instances: int, adjustment: int) -> int:
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return instances + adjustment
    change = instances * adjustment / 100
    return instances + (math.ceil(change) if change > 0 else math.floor(change))


class Scaler:
    """Looks after the endpoints' backlogs and instances in the background.

    Args:
        cloud: The surroundings.
        endpoints: What is scaled.
        requests: Know the backlogs.
        invocations: Know the rates.
    """

    def __init__(self, cloud: Cloud, endpoints: Endpoints, requests: AsyncRequests, invocations: Invocations) -> None:
        self._cloud, self._endpoints, self._requests, self._invocations = cloud, endpoints, requests, invocations
        self._told: dict[str, tuple[float, tuple[int, int]]] = {}
        self._low_since: dict[str, float] = {}
        self._changed_at: dict[str, float] = {}
        self._stepped_at: dict[str, float] = {}
        self._closing = threading.Event()
        in_background("castline-scaling", self._run)

    def stop(self) -> None:
        """The embedded AWS ends."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(self._cloud.settings.minute_seconds):
            for record in self._cloud.store.all("Endpoint"):
                try:
                    self._look_after(record)
                except ApiError as error:  # an update has just begun
                    log.info("endpoint %s is not scaled now: %s", record["_name"], error.message)
                except Exception:
                    log.exception("scaling of endpoint %s", record["_name"])

    def _look_after(self, record: Record) -> None:
        name = record["_name"]
        self._endpoints.heal(record)
        traffic = self._endpoints.traffic_now(name)
        if traffic is None or traffic.blue.mode == "serverless":
            return
        fleet = traffic.blue
        load = Load(fleet.instances, self._requests.backlog(name), self._invocations.rate(name))
        if fleet.mode == "async":
            self._tell_backlog(fleet, load)
        target = self._cloud.store.get(TARGET, f"endpoint/{name}/variant/{fleet.variant}")
        if target is None or record["EndpointStatus"] != "InService":
            return
        wanted = self._wanted(target, load)
        if wanted != load.instances:
            self._endpoints.scale(record, wanted)
            self._changed_at[target["ResourceId"]] = time.monotonic()

    def _wanted(self, target: Record, load: Load) -> int:
        """The number of instances within the bounds that policies and cooldowns allow now."""
        policies = policies_of(self._cloud, target["ResourceId"])
        wishes = self._wishes(target["ResourceId"].split("/")[1], policies, load)
        wish = max(wishes.values(), default=load.instances)
        suspended = target["SuspendedState"]
        if wish > load.instances and not suspended["DynamicScalingOutSuspended"]:
            wanted = wish
        elif wish < load.instances and not suspended["DynamicScalingInSuspended"]:
            wanted = wish if self._may_scale_in(target, policies) else load.instances
        else:
            wanted = load.instances
        if wish >= load.instances:
            self._low_since.pop(target["ResourceId"], None)
        lowest, highest = int(target["MinCapacity"]), int(target["MaxCapacity"])
        return min(max(wanted, lowest), highest)

    def _wishes(self, endpoint: str, policies: Sequence[Record], load: Load) -> Mapping[str, int]:
        """What each policy wants; where several speak, the largest number is taken, as AWS does."""
        steps = [p for p in policies if p["PolicyType"] == "StepScaling"]
        alarms = [a for a in self._cloud.watch.alarms() if is_of(endpoint, a)] if steps else []
        found = {p["PolicyName"]: stepped(p, load, alarms) for p in steps if self._is_rested(p)}
        now = time.monotonic()
        self._stepped_at |= {p["PolicyARN"]: now for p in steps if found.get(p["PolicyName"]) is not None}
        found |= {p["PolicyName"]: tracked(p, load) for p in policies if _tracks(endpoint, p)}
        return {name: wish for name, wish in found.items() if wish is not None}

    def _is_rested(self, step: Record) -> bool:
        """Whether the cooldown of a step-scaling policy is over."""
        cooldown = step["StepScalingPolicyConfiguration"].get("Cooldown", DEFAULT_COOLDOWN_SECONDS)
        acted = self._stepped_at.get(step["PolicyARN"], -math.inf)
        return time.monotonic() - acted >= self._cloud.settings.shortened(cooldown)

    def _may_scale_in(self, target: Record, policies: Sequence[Record]) -> bool:
        """Whether the load has been low for long enough, and the last change is as long ago as the cooldown asks."""
        tracking = [p["TargetTrackingScalingPolicyConfiguration"] for p in policies
                    if p["PolicyType"] == "TargetTrackingScaling"]
        if any(config.get("DisableScaleIn") for config in tracking):
            return False
        now, shortened = time.monotonic(), self._cloud.settings.shortened
        low_since = self._low_since.setdefault(target["ResourceId"], now)
        cooldown = max((c.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS) for c in tracking), default=0)
        changed = self._changed_at.get(target["ResourceId"], -math.inf)
        return now - low_since >= shortened(SCALE_IN_SECONDS) and now - changed >= shortened(cooldown)

    def _tell_backlog(self, fleet: Fleet, load: Load) -> None:
        now, state = time.monotonic(), (load.backlog, load.instances)
        told, last = self._told.get(fleet.endpoint, (-math.inf, (-1, -1)))
        if state != last or now - told >= BACKLOG_SECONDS:
            self._cloud.watch.put(metrics.of_backlog(fleet.endpoint, load.backlog, load.instances))
            self._told[fleet.endpoint] = now, state
