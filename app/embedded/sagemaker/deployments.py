"""A blue/green deployment: traffic goes over in steps, each bakes under the eyes of alarms, and comes back on alarm.

Source: Amazon SageMaker developer guide, "Blue/Green Deployments" (all at once, canary and linear traffic shifting;
auto-rollback).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.endpoint_rules import shares
from app.embedded.sagemaker.errors import validation
from app.embedded.sagemaker.fleets import Fleet, Traffic
from app.embedded.sagemaker.shapes import Record

DEFAULT_LIMIT_SECONDS = 28_800
POLL_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the traffic goes from one fleet to the next."""

    steps: tuple[float, ...] = (1.0,)
    """Share of the traffic on the new fleet after each step."""
    bake_seconds: float = 0.0
    """Between two steps, as this machine's clock has them."""
    termination_wait_seconds: float = 0.0
    """After the last step, before the old fleet goes; alarms are still watched."""
    limit_seconds: float = DEFAULT_LIMIT_SECONDS
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, deployment: Record, instances: int, shorten: Callable[[float], float]) -> Plan:
        """Read a DeploymentConfig; `shorten` turns AWS's waits into this machine's.

        The time limit is not shortened: it covers the start of the server, which takes as long here as it takes.
        """
        alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        policy = deployment.get("BlueGreenUpdatePolicy")
        if policy is None:
            return cls(alarms=tuple(alarm["AlarmName"] for alarm in alarms))
        routing = policy["TrafficRoutingConfiguration"]
        return cls(
            tuple(shares(routing, instances)), shorten(routing["WaitIntervalInSeconds"]),
            shorten(policy.get("TerminationWaitInSeconds", 0)),
            policy.get("MaximumExecutionTimeoutInSeconds", DEFAULT_LIMIT_SECONDS),
            tuple(alarm["AlarmName"] for alarm in alarms))


class GoneError(Exception):
    """The endpoint was deleted, or the embedded AWS stops: there is nothing left to deploy to."""


class Deployment:
    """Moves the traffic of one endpoint from its old fleet to a new one.

    Args:
        cloud: The surroundings.
        plan: How.
        is_gone: Whether to give up, because the endpoint is no longer there.
        tell: Receives the status of the new variant whenever it changes: ActivatingTraffic, Baking.
    """

    def __init__(self, cloud: Cloud, plan: Plan, is_gone: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self._cloud, self._plan, self._is_gone, self._tell = cloud, plan, is_gone, tell
        self._deadline = time.monotonic() + plan.limit_seconds

    def problem(self) -> str:
        """Why the traffic must stay on, or go back to, the old fleet; nothing while all is well."""
        if self._is_gone():
            raise GoneError
        if time.monotonic() > self._deadline:
            return "The deployment did not end within MaximumExecutionTimeoutInSeconds."
        states = self._cloud.watch.states(self._plan.alarms)
        alarmed = [name for name in self._plan.alarms if states.get(name) == "ALARM"]
        return f"One or more configured alarm(s) are in ALARM state: {', '.join(alarmed)}" if alarmed else ""

    def run(self, traffic: Traffic, green: Fleet) -> str:
        """Shift and bake; returns why the traffic went back to the old fleet, or nothing when it is on the new one.

        Raises:
            GoneError: nobody is left to deploy for.
        """
        *between, last = self._plan.steps
        for share in between:
            if problem := self._step(traffic, green, share, self._plan.bake_seconds):
                return problem
        return self._step(traffic, green, last, self._plan.termination_wait_seconds)

    def _step(self, traffic: Traffic, green: Fleet, share: float, seconds: float) -> str:
        self._tell("ActivatingTraffic")
        traffic.shift(green, share)
        self._tell("Baking")
        return self._watch(green, seconds)

    def _watch(self, green: Fleet, seconds: float) -> str:
        end = time.monotonic() + seconds
        while True:
            if problem := self.problem():
                return problem
            if not green.alive:
                return (f"The primary container for production variant {green.variant} did not pass the ping health "
                        "check: it exited")
            if time.monotonic() >= end:
                return ""
            time.sleep(min(POLL_SECONDS, max(end - time.monotonic(), 0.0)))


def check_alarms(cloud: Cloud, names: tuple[str, ...]) -> None:
    """Raise ApiError unless every alarm exists."""
    missing = sorted(set(names) - cloud.watch.states(names).keys())
    if missing:
        raise validation(f"AutoRollbackConfiguration: alarms that do not exist: {', '.join(missing)}")
