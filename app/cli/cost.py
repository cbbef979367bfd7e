"""cost: what runs cost, by month and run."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli import cost_tables, lookup
from app.cli.console import emit_json, out, say
from app.cli.target import pipeline
from app.cli.watch import PANEL
from app.client import spending
from app.client.pipeline import PipelineError
from app.client.spending import MonthCost

NOT_IN_IT = "Jobs alone: not the endpoint, storage, logs, the build of the image, taxes (docs/spend.md)."


@dataclasses.dataclass(frozen=True)
class Cost:
    """What `cost` tells.

    Attributes:
        prices_as_of: Days of the price tables that were used.
        per_month_usd: The budget; None without one.
    """

    months: tuple[MonthCost, ...]
    usd: float
    saved_usd: float
    prices_as_of: tuple[str, ...]
    per_month_usd: float | None


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("cost", rich_help_panel=PANEL)(cost)


def cost(
    context: typer.Context,
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="This month only (UTC, by the start of runs).")] = "",
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Say what runs cost, by month and run, and what spot saved: estimates from a dated price table.

    Examples: [bold]python -m app cost[/], [bold]python -m app cost --month 2026-11[/]
    """
    if month and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise PipelineError(f"--month {month}: write year and month, for example --month 2026-11")
    where = pipeline(context)
    limit = lookup.settings(where).spend.per_month_usd
    found = added_up(spending.months(where, month), limit)
    if json:
        emit_json(found)
        return
    if not found.months:
        say(f"No run{f' in {month}' if month else ' yet'}, so nothing was spent.")
        return
    out.print(cost_tables.months_table(found.months))
    if len(found.months) > 1:
        say(f"All together {found.usd:.2f} USD; spot saved {found.saved_usd:.2f} USD.")
    for line in _notes(found, f"{datetime.now(UTC):%Y-%m}"):
        say(line)


def added_up(months: list[MonthCost], per_month_usd: float | None) -> Cost:
    """The sums over all months."""
    dates = {run.prices_as_of for month in months for run in month.runs if run.prices_as_of}
    return Cost(tuple(months), round(sum(m.usd for m in months), 4), round(sum(m.saved_usd for m in months), 4),
                tuple(sorted(dates)), per_month_usd)


def _notes(found: Cost, this_month: str) -> list[str]:
    """What a reader must know beside the figures."""
    now = next((month.usd for month in found.months if month.month == this_month), None)
    unpriced = {name for month in found.months for run in month.runs for name in run.unpriced.split(", ") if name}
    dates = ", ".join(found.prices_as_of) or "none: no job has run"
    notes = [f"Estimated from on-demand list prices of {dates}. {NOT_IN_IT}"]
    if unpriced:
        names = ", ".join(sorted(unpriced))
        notes.append(f"Not counted, because no price is known: {names}: write `prices` into cdk.json.")
    if found.per_month_usd is not None and now is not None:
        notes.append(f"Budget: {now:.2f} of {found.per_month_usd:g} USD are spent in {this_month}.")
    return notes
