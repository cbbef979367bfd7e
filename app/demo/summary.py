"""What the demo showed: each link of the chain with its time and its proof, for people and as JSON."""

from __future__ import annotations

import dataclasses

from rich import box
from rich.table import Table

from app.cli import rendering
from app.contracts.runs import StateTiming


@dataclasses.dataclass(frozen=True)
class Link:
    """One link of the chain."""

    name: str
    ok: bool
    seconds: float
    proof: str
    """What was seen, or why it failed."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """One photograph that the endpoint was asked about."""

    file: str
    verdict: str
    instances: int
    defects: int
    part_found: bool
    picture: str


@dataclasses.dataclass(frozen=True)
class Summary:
    """build/demo/summary.json."""

    ok: bool
    data: str
    seconds: float
    links: tuple[Link, ...]
    states: tuple[StateTiming, ...] = ()
    run_id: str = ""
    outcome: str = ""
    box_ap: float | None = None
    mask_ap: float | None = None
    verdict_accuracy: float | None = None
    asked: tuple[Asked, ...] = ()
    report: str = ""
    pictures: str = ""


def links_table(summary: Summary) -> Table:
    """The chain, one link a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="The chain", title_justify="left")
    table.add_column("Link", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("Took", justify="right", no_wrap=True)
    table.add_column("Seen", overflow="fold")
    for link in summary.links:
        mark = "[green]ok[/]" if link.ok else "[red]failed[/]"
        table.add_row(link.name, mark, rendering.duration(link.seconds), link.proof)
    return table


def states_table(summary: Summary) -> Table:
    """The states of the run with their durations."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="The run, state by state", title_justify="left")
    table.add_column("State")
    table.add_column("Took", justify="right")
    for state in summary.states:
        table.add_row(state.name, rendering.duration(state.seconds))
    return table
