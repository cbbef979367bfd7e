"""What the tables of training and of inference share: measure the stacks beside both leads, and lay them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from benchmarks import results, stacks
from benchmarks.runner import Compared, compare
from benchmarks.stacks import Stack

Cells = Callable[[Stack, Compared], list[str]]


def table(name: str, title: str, headings: Sequence[str], listed: Sequence[Stack], cells: Cells, *, at_once: int,
          rounds: int) -> Table:
    """Measure and lay out.

    Args:
        name: Of the results' file.
        title: Of the table.
        headings: Of the columns after the stack's name.
        listed: The stacks, the two leads first.
        cells: One row of the table, the name first.
        at_once: Stacks that live together beside the leads.
        rounds: Samples of each.
    """
    by_name = {stack.row.name: stack for stack in listed}
    leads = [stack.row for stack in listed[:2]] + stacks.peaks()
    compared = compare([stack.row for stack in listed[2:]], leads, at_once=at_once, rounds=rounds)
    results.write(name, compared)
    made = Table(title=title, title_justify="left")
    made.add_column("Stack")
    for heading in headings:
        made.add_column(heading, justify="right")
    for item in compared:
        if item.measured.unavailable:
            made.add_row(item.measured.name, item.measured.unavailable)
        elif item.measured.name in by_name:
            made.add_row(*cells(by_name[item.measured.name], item))
    for peak in stacks.PEAKS.values():
        made.add_row(peak, f"{1e-9 / compared[0].leads[peak].median:.0f} GFLOP/s")
    return made
