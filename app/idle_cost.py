"""What an environment costs while nothing runs: counted from the templates that are deployed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.contracts import documents, prices
from app.contracts.prices import Prices
from app.contracts.settings import PipelineSettings, ServingSettings

HOURS = 730
"""In a month, as AWS counts."""
CLOCK_SECONDS = 1.0
"""What a look of the gate or of the reconciler takes, with a margin."""
MINUTES = {"minute": 1, "hour": 60, "day": 1440}

Resource = Mapping[str, Any]
Stack = Mapping[str, Resource]
"""Logical id -> resource of one template; the ids of two templates may be the same."""


@dataclasses.dataclass(frozen=True)
class IdleCost:
    """One thing that costs money every month.

    Attributes:
        usd: A month's; None when no price is known.
        note: How it is counted.
    """

    what: str
    usd: float | None
    note: str


def of_assembly(folder: Path, region: str) -> tuple[PipelineSettings, tuple[IdleCost, ...]]:
    """The settings of a synthesized environment, and what it costs idle.

    Args:
        folder: The cloud assembly.
        region: Where it is deployed.
    """
    templates = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.template.json"))]
    stacks = [template.get("Resources", {}) for template in templates]
    settings = _settings(stacks)
    return settings, count(stacks, settings.serving, prices.of_region(region, settings.prices))


def total(items: Iterable[IdleCost]) -> float:
    """The sum of what is known."""
    return sum(item.usd or 0.0 for item in items)


def count(stacks: Sequence[Stack], serving: ServingSettings, known: Prices) -> tuple[IdleCost, ...]:
    """What the resources cost in a month in which nothing is uploaded, trained or asked.

    Args:
        stacks: The resources of each template.
        serving: How the endpoint is served, once there is a model.
        known: Prices of the region.
    """
    resources = [resource for stack in stacks for resource in stack.values()]
    kinds = [resource["Type"] for resource in resources]
    keys, alarms = kinds.count("AWS::KMS::Key"), kinds.count("AWS::CloudWatch::Alarm")
    dashboards = kinds.count("AWS::CloudWatch::Dashboard")
    return (
        endpoint(serving, known),
        _network(resources, known),
        IdleCost("KMS keys", _times(keys, known.find("kms_key_month")), f"{keys}"),
        IdleCost("Alarms", _times(alarms, known.find("alarm_month")), f"{alarms}"),
        IdleCost("Dashboard", 0.0, f"{dashboards}; the first three of an account cost nothing"),
        _clocks(stacks, known),
        *_storage(kinds, known),
    )


def endpoint(serving: ServingSettings, known: Prices) -> IdleCost:
    """The endpoint between requests, in its mode."""
    what = f"Endpoint, {serving.mode}"
    match serving.mode:
        case "serverless":
            second = known.find("serverless_gb_second")
            answering = f": {serving.memory_mb / 1024 * second:.5f} USD a second" if second else ""
            return IdleCost(what, 0.0, f"costs only while it answers{answering}")
        case "realtime" | "async":
            return _machines(what, serving, known.find(serving.instance_type))


def _machines(what: str, serving: ServingSettings, hour: float | None) -> IdleCost:
    """As many as are left when there is nothing to do, and what each of those costs that come."""
    least, most, name = serving.min_instances, serving.max_instances, serving.instance_type
    usd = _times(least * HOURS, hour)
    if least == 0:
        price = "price unknown" if hour is None else f"{hour:g} USD an hour each"
        return IdleCost(what, usd, f"no machine while nothing waits; up to {most} x {name} while it does, {price}")
    more = f"; up to {most} while there is more to do" if most > least else ""
    return IdleCost(what, usd, f"{least} x {name}, {HOURS} h, from the first promoted model on{more}")


def _network(resources: Iterable[Resource], known: Prices) -> IdleCost:
    """A gateway endpoint costs nothing; an interface endpoint costs in each of its zones, and NAT by the hour."""
    gateways, zones, nats = 0, 0, 0
    for resource in resources:
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::EC2::VPCEndpoint":
            interface = properties.get("VpcEndpointType") == "Interface"
            zones += len(properties.get("SubnetIds", ())) if interface else 0
            gateways += not interface
        nats += resource["Type"] == "AWS::EC2::NatGateway"
    amounts = (_times(zones * HOURS, known.find("interface_endpoint_hour")),
               _times(nats * HOURS, known.find("nat_gateway_hour")))
    usd = None if None in amounts else sum(amount or 0.0 for amount in amounts)
    parts = (f"{gateways} gateway endpoint{'' if gateways == 1 else 's'} to S3",
             f"{zones} interface endpoints" if zones else "no interface endpoint",
             f"{nats} NAT gateways" if nats else "no NAT gateway")
    return IdleCost("Network", usd, ", ".join(parts))


def _clocks(stacks: Iterable[Stack], known: Prices) -> IdleCost:
    """The functions that a clock wakes."""
    calls, gigabyte_seconds = 0.0, 0.0
    for stack in stacks:
        for minutes, function in _clocked(stack):
            calls += HOURS * 60 / minutes
            gigabyte_seconds += HOURS * 60 / minutes * CLOCK_SECONDS * function.get("MemorySize", 128) / 1024
    call, second = known.find("lambda_call"), known.find("lambda_arm_gb_second")
    usd = None if call is None or second is None else calls * call + gigabyte_seconds * second
    return IdleCost("Clocks", usd, f"{calls:,.0f} calls of functions, of {CLOCK_SECONDS:g} s")


def _clocked(stack: Stack) -> Iterator[tuple[int, Resource]]:
    """Minutes between two calls, and the properties of the function that is called."""
    for rule in stack.values():
        properties = rule.get("Properties", {})
        minutes = _minutes(properties.get("ScheduleExpression", "")) if rule["Type"] == "AWS::Events::Rule" else 0
        for target in properties.get("Targets", ()) if minutes else ():
            function = stack[target["Arn"]["Fn::GetAtt"][0]]
            yield minutes, function["Properties"]


def _minutes(expression: str) -> int:
    """Minutes between two strikes of `rate(15 minutes)`; 0 when it is no such clock."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return int(found[1]) * MINUTES[found[2]] if found else 0


def _storage(kinds: list[str], known: Prices) -> Iterator[IdleCost]:
    """Stores cost by what lies in them, which no template knows."""
    for what, kind, name in (("Bucket (S3)", "AWS::S3::Bucket", "s3_gb_month"),
                             ("File system (EFS)", "AWS::EFS::FileSystem", "efs_gb_month"),
                             ("Image (ECR)", "AWS::ECR::Repository", "ecr_gb_month")):
        if kind in kinds:
            price = known.find(name)
            yield IdleCost(what, 0.0, "and what lies in it: " + (f"{price} USD a GB" if price else "price unknown"))


def _times(number: float, price: float | None) -> float | None:
    """Nothing of a thing costs nothing, whatever its price."""
    return 0.0 if not number else None if price is None else number * price


def _settings(stacks: Iterable[Stack]) -> PipelineSettings:
    """What the functions of the assembly are told."""
    functions = (r["Properties"] for stack in stacks for r in stack.values() if r["Type"] == "AWS::Lambda::Function")
    variables = (function.get("Environment", {}).get("Variables", {}) for function in functions)
    text = next(v["CASTLINE_SETTINGS"] for v in variables if "CASTLINE_SETTINGS" in v)
    return documents.from_json(PipelineSettings, text)
