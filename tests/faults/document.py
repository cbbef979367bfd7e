"""The table of docs/reliability.md, made from the rows of the tests."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from .rows import Row, markdown

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "reliability.md"
BETWEEN = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end -->)", re.DOTALL)


def rows() -> list[Row]:
    """The rows of all tests, each once, in the order of the files."""
    found: dict[Row, None] = {}
    for file in sorted(HERE.glob("test_*.py")):
        for test in vars(importlib.import_module(f"{__package__}.{file.stem}")).values():
            for mark in getattr(test, "pytestmark", []):
                if mark.name == "fault_row":
                    found[mark.args[0]] = None
    return list(found)


def written(text: str) -> str:
    """The document with the table as it should be."""
    return BETWEEN.sub(lambda _: markdown(rows()), text)
