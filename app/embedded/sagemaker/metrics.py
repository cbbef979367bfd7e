"""Metrics of endpoints in the namespace AWS/SageMaker, with the names, units and dimensions that SageMaker uses.

Source: Amazon SageMaker developer guide, "Monitor SageMaker AI with CloudWatch", "Alarms and logs for tracking metrics
from asynchronous endpoints", and "Auto-Rollback Configuration and Monitoring" for the dimension EndpointConfigName.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.embedded.sagemaker.fleets import Fleet
    from app.embedded.sagemaker.servers import Reply

NAMESPACE = "AWS/SageMaker"


@dataclasses.dataclass(frozen=True)
class Point:
    """One value of one metric, now."""

    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class CloudWatch:
    """What SageMaker needs of CloudWatch."""

    put: Callable[[Sequence[Point]], None]
    """Record points; alarms look at them as they come."""
    alarms: Callable[[], list[dict[str, Any]]]
    """All alarms, as DescribeAlarms has them."""

    def states(self, names: Collection[str]) -> dict[str, str]:
        """The states of those alarms that exist."""
        return {a["AlarmName"]: a["StateValue"] for a in self.alarms() if a["AlarmName"] in names} if names else {}


def of_invocation(fleet: Fleet, reply: Reply, total_seconds: float) -> list[Point]:
    """What SageMaker counts for one answered request: for the whole variant, and for this configuration's fleet.

    An asynchronous endpoint has errors and ModelLatency only.
    """
    failed = reply.status >= 500 or reply.status == 0
    values = [
        ("Invocation4XXErrors", float(400 <= reply.status < 500), "None"),
        ("Invocation5XXErrors", float(failed), "None"),
        ("ModelLatency", reply.seconds * 1e6, "Microseconds"),
    ]
    if fleet.mode != "async":
        values += [
            ("Invocations", 1.0, "None"),
            ("InvocationsPerInstance", 1.0 / max(fleet.instances, 1), "None"),
            ("OverheadLatency", max(total_seconds - reply.seconds, 0.0) * 1e6, "Microseconds"),
        ]
    variant = {"EndpointName": fleet.endpoint, "VariantName": fleet.variant}
    both = [variant, {**variant, "EndpointConfigName": str(fleet.config["EndpointConfigName"])}]
    return [Point(name, value, unit, dimensions) for dimensions in both for name, value, unit in values]


def of_backlog(endpoint: str, backlog: int, instances: int) -> list[Point]:
    """What SageMaker says of an asynchronous endpoint's queue."""
    here = {"EndpointName": endpoint}
    waits = float(backlog > 0 and instances == 0)
    points = [Point("ApproximateBacklogSize", float(backlog), "Count", here),
              Point("HasBacklogWithoutCapacity", waits, "None", here)]
    if instances:
        points.append(Point("ApproximateBacklogSizePerInstance", backlog / instances, "Count", here))
    return points


def of_ministack() -> CloudWatch:
    """The CloudWatch of the embedded AWS."""
    from ministack.services import cloudwatch

    from app.embedded import pin

    record = pin.part(cloudwatch, "record_metric")
    evaluate = pin.part(cloudwatch, "_evaluate_all_alarms")
    kinds = [pin.part(cloudwatch, name) for name in ("_alarms", "_composite_alarms")]

    def put(points: Sequence[Point]) -> None:
        for point in points:
            record(NAMESPACE, point.name, point.value, point.unit, point.dimensions)
        evaluate()

    return CloudWatch(put, lambda: [alarm for kind in kinds for alarm in list(kind.values())])
