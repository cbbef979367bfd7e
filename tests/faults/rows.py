"""The table of faults: each test carries its row, `make faults` prints them, docs/reliability.md shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

HEAD = ("fault", "how it is injected", "what is seen", "how it recovers")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of docs/reliability.md."""

    fault: str
    injected: str
    seen: str
    recovers: str

    def line(self) -> str:
        return f"| {self.fault} | {self.injected} | {self.seen} | {self.recovers} |"


def fault(fault: str, *, injected: str, seen: str, recovers: str, fast: bool = False) -> Callable[..., Any]:
    """Mark a test as the proof of one row; only a fast one is part of `make test`."""
    row = Row(fault, injected, seen, recovers)

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        marked = pytest.mark.fault_row(row)(test)
        return marked if fast else pytest.mark.faults(marked)

    return decorate


def markdown(rows: list[Row]) -> str:
    """The table as it stands in the document."""
    lines = [f"| {' | '.join(HEAD)} |", "|---|---|---|---|", *(row.line() for row in rows)]
    return "\n".join(lines) + "\n"
