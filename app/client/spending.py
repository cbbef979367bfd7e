"""What runs cost, month by month, as the list of runs has it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

from app.client.pipeline import Pipeline
from app.contracts import table

Item = Mapping[str, Mapping[str, str]]
"""As DynamoDB writes it: name -> type -> value."""


@dataclasses.dataclass(frozen=True)
class RunCost:
    """One run.

    Attributes:
        usd: Estimated cost; None while it is not known.
        saved_usd: What spot saved.
        prices_as_of: Day of the price table; empty when nothing was priced.
        unpriced: Instance types that `usd` leaves out, comma-separated.
    """

    run_id: str
    status: str
    outcome: str
    started_at: str
    usd: float | None
    saved_usd: float
    prices_as_of: str
    unpriced: str


@dataclasses.dataclass(frozen=True)
class MonthCost:
    """The runs that began in one month (UTC), the newest first, and their sums."""

    month: str
    """`2026-11`."""
    usd: float
    saved_usd: float
    runs: tuple[RunCost, ...]


def months(pipeline: Pipeline, month: str = "") -> list[MonthCost]:
    """The cost of a month, or of every month that had runs; the newest first."""
    return by_month(_runs(pipeline, month.replace("-", "")))


def by_month(runs: Iterable[RunCost]) -> list[MonthCost]:
    """Sum up runs, which are sorted the newest first."""
    groups = itertools.groupby(runs, key=lambda run: f"{run.run_id[:4]}-{run.run_id[4:6]}")
    return [_summed(month, tuple(group)) for month, group in groups]


def _summed(month: str, runs: tuple[RunCost, ...]) -> MonthCost:
    usd, saved = sum(run.usd or 0.0 for run in runs), sum(run.saved_usd for run in runs)
    return MonthCost(month, round(usd, 4), round(saved, 4), runs)


def _runs(pipeline: Pipeline, beginning: str) -> Iterator[RunCost]:
    """Run ids begin with the day, so a month is one query."""
    rule = "pk = :pk" + (" AND begins_with(sk, :beginning)" if beginning else "")
    values = {":pk": {"S": table.RUN_PK}} | ({":beginning": {"S": beginning}} if beginning else {})
    pages = pipeline.client("dynamodb").get_paginator("query").paginate(
        TableName=pipeline.table, KeyConditionExpression=rule, ExpressionAttributeValues=values, ScanIndexForward=False)
    for page in pages:
        yield from map(_run_cost, page["Items"])


def _run_cost(item: Item) -> RunCost:
    def text(name: str) -> str:
        return item.get(name, {}).get("S", "")

    def number(name: str) -> float:
        return float(item.get(name, {}).get("N", "0"))  # runs from before costs were recorded have none

    usd = None if "NULL" in item.get("usd", {}) else number("usd")
    return RunCost(text("sk"), text("status"), text("outcome"), text("started_at"), usd, number("saved_usd"),
                   text("prices_as_of"), text("unpriced"))
