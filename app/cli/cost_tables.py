"""Tables of money; pure functions from what was counted to rich tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table

from app.cli import rendering
from app.client.spending import MonthCost, RunCost
from app.contracts.runs import RunRecord
from app.idle_cost import IdleCost, total


def months_table(months: Iterable[MonthCost]) -> Table:
    """Each month with its sum, and below it its runs."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Month and run", no_wrap=True)
    table.add_column("Result", overflow="fold")
    table.add_column("USD", justify="right", no_wrap=True)
    table.add_column("Spot saved", justify="right", no_wrap=True)
    for month in months:
        count = f"{len(month.runs)} run{'' if len(month.runs) == 1 else 's'}"
        table.add_row(*(f"[bold]{cell}[/]" for cell in (month.month, count, usd(month.usd), usd(month.saved_usd))))
        for run in month.runs:
            table.add_row(f"  {run.run_id}", _result(run), usd(run.usd), usd(run.saved_usd))
        table.add_section()
    return table


def usd(amount: float | None) -> str:
    """Dollars and cents; `-` where the amount is not known, `<0.01` rather than nothing."""
    if amount is None:
        return "-"
    return "<0.01" if 0 < amount < 0.005 else f"{amount:,.2f}"


def _result(run: RunCost) -> str:
    return rendering.result(RunRecord(run.run_id, run.status, run.outcome, "", run.started_at))  # type: ignore[arg-type]


def idle_table(items: Iterable[IdleCost], title: str) -> Table:
    """What costs how much in a month in which nothing runs."""
    listed = tuple(items)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", show_footer=True)
    table.add_column("What", "Together", no_wrap=True)
    table.add_column("USD a month", usd(total(listed)), justify="right", no_wrap=True)
    unknown = any(item.usd is None for item in listed)
    table.add_column("", "without what is unknown: write `prices` into cdk.json" if unknown else "", overflow="fold")
    for item in listed:
        table.add_row(item.what, "unknown" if item.usd is None else usd(item.usd), item.note)
    return table
