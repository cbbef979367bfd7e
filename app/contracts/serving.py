"""How the champion is served: without machines of its own, on machines that wait, or on machines that come for work.

What each mode costs and can do, and what AWS refuses to change in place: docs/serving.md.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from app.contracts.rules import check, check_instances

Mode = Literal["serverless", "realtime", "async"]

GUARDRAIL_SECONDS = (600, 28_800)
"""What MaximumExecutionTimeoutInSeconds of a deployment takes."""
MIN_BAKE_SECONDS = 120
"""Two strikes of the clock that sends golden images, and two periods of the alarms that watch them."""


@dataclasses.dataclass(frozen=True)
class ScalingSettings:
    """How many machines, by the work there is; nothing scales while both limits are the same."""

    min_instances: int | None = None
    """None: `instance_count` in realtime, 0 in async."""
    max_instances: int | None = None
    """None: `instance_count`."""
    invocations_per_instance: int = 60
    """Realtime: images a minute that one machine is to answer; more machines come above it, and go below it."""
    backlog_per_instance: int = 5
    """Async: images that may wait for each machine before another one comes."""
    scale_out_seconds: int = 60
    """At least so long between two steps up."""
    scale_in_seconds: int = 600
    """At least so long between two steps down: machines that come and go cost more than those that stay."""

    def __post_init__(self) -> None:
        least = self.min_instances
        check(least is None or least >= 0, "serving.scaling.min_instances", least, "must be 0 or more, or null", "1")
        for name in ("invocations_per_instance", "backlog_per_instance"):
            value = getattr(self, name)
            check(value >= 1, f"serving.scaling.{name}", value, "must be at least 1", "60")
        for name in ("scale_out_seconds", "scale_in_seconds"):
            value = getattr(self, name)
            check(0 <= value <= 3600, f"serving.scaling.{name}", value, "must be 0 to 3600", "300")


@dataclasses.dataclass(frozen=True)
class ServingSettings:
    """How the champion is served."""

    mode: Mode = "serverless"
    """serverless: no machines while nobody asks; realtime: machines that always wait; async: images and answers in
    S3, machines that come when there is work and go when there is none."""
    memory_mb: int = 6144
    """Serverless only: 1024 to 6144 in steps of 1024."""
    max_concurrency: int = 5
    """Serverless only: images at the same time."""
    instance_type: str = "ml.m5.xlarge"
    """Realtime and async."""
    instance_count: int = 1
    """Realtime and async: machines a new configuration begins with."""
    scaling: ScalingSettings = dataclasses.field(default_factory=ScalingSettings)
    bake_seconds: int = 300
    """Realtime and async: so long alarms watch new machines before the old ones go; 0 watches nothing."""
    max_latency_ms: int = 30_000
    """Realtime and async: a model that takes longer on average is rolled back while it is watched."""
    capture_percent: int = 0
    """Realtime only: share of requests and answers that is kept in S3."""
    keep_days: int = 30
    """So long S3 keeps captures, and what async endpoints were asked and answered."""
    golden_images: int = 5
    """How many test images prove that the endpoint answers like the evaluated model."""
    update_timeout_seconds: int = 3600

    def __post_init__(self) -> None:
        check(self.memory_mb in range(1024, 6145, 1024), "serving.memory_mb", self.memory_mb,
              "must be 1024 to 6144 in steps of 1024", "6144")
        check(1 <= self.max_concurrency <= 200, "serving.max_concurrency", self.max_concurrency,
              "must be 1 to 200", "5")
        check_instances((self.instance_type,), "serving.instance_type")
        check(self.instance_count >= 1, "serving.instance_count", self.instance_count, "must be at least 1", "1")
        check(1 <= self.golden_images <= 20, "serving.golden_images", self.golden_images, "must be 1 to 20", "5")
        check(1 <= self.keep_days <= 3650, "serving.keep_days", self.keep_days, "must be 1 to 3650", "30")
        check(1 <= self.max_latency_ms <= 60_000, "serving.max_latency_ms", self.max_latency_ms,
              "must be 1 to 60000: SageMaker gives up after a minute", "30000")
        self._check_instances()
        self._check_bake()
        self._check_capture()

    def _check_instances(self) -> None:
        low, high = self.min_instances, self.max_instances
        check(low >= 1 or self.mode != "realtime", "serving.scaling.min_instances", low,
              "must be at least 1: a realtime endpoint that has no machine answers nobody; async scales to zero", "1")
        check(low <= self.instance_count <= high, "serving.instance_count", self.instance_count,
              f"must lie between scaling.min_instances = {low} and scaling.max_instances = {high}", f"{max(low, 1)}")

    def _check_bake(self) -> None:
        bake = self.bake_seconds
        check(bake == 0 or MIN_BAKE_SECONDS <= bake <= 3600, "serving.bake_seconds", bake,
              f"must be 0, or {MIN_BAKE_SECONDS} to 3600: alarms need two periods of a minute", "300")
        # A canary bakes twice: with a part of the traffic, and with all of it.
        check(self.mode == "serverless" or 2 * bake < self.guardrail_seconds, "serving.bake_seconds",
              bake, "must be less than half of serving.update_timeout_seconds, in which an update must be done", "300")

    def _check_capture(self) -> None:
        share = self.capture_percent
        check(0 <= share <= 100, "serving.capture_percent", share, "must be 0 to 100", "10")
        check(share == 0 or self.mode != "serverless", "serving.capture_percent", share,
              "SageMaker captures nothing of a serverless endpoint, and its model cannot write to S3: choose "
              'serving.mode "realtime", or "async"', "0")
        check(share == 0 or self.mode != "async", "serving.capture_percent", share,
              "requests and answers of an async endpoint lie in S3 already, for serving.keep_days", "0")

    @property
    def guardrail_seconds(self) -> int:
        """How long SageMaker may take for an update: update_timeout_seconds within its limits."""
        least, most = GUARDRAIL_SECONDS
        return min(max(self.update_timeout_seconds, least), most)

    @property
    def on_machines(self) -> bool:
        """Whether there are instances: then there are a network, alarms that watch updates, and scaling."""
        return self.mode != "serverless"

    @property
    def min_instances(self) -> int:
        """The least number of machines: what an idle endpoint costs."""
        asked = self.scaling.min_instances
        return asked if asked is not None else 0 if self.mode == "async" else self.instance_count

    @property
    def max_instances(self) -> int:
        """The largest number of machines."""
        asked = self.scaling.max_instances
        return self.instance_count if asked is None else asked

    @property
    def scales(self) -> bool:
        """Whether the number of machines changes by itself."""
        return self.on_machines and self.min_instances < self.max_instances
