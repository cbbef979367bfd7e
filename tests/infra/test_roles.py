"""docs/roles.md: every role of the stacks stands in it, with what the tests of the strict mode prove."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ..strict.roles import DOCUMENT, ROWS, written


def test_each_role_of_the_stacks_has_a_row(dev: Any) -> None:
    """Given the templates, then tests/strict/roles.py says of each role what it may and what it must not."""
    made = {re.sub(r"[0-9A-F]{8}$", "", logical_id) for _, logical_id, resource in dev.everything()
            if resource["Type"] == "AWS::IAM::Role"}
    assert made - {row.role for row in ROWS} == set()
    assert len(made) > 20


def test_the_document_shows_the_rows(request: pytest.FixtureRequest) -> None:
    text = DOCUMENT.read_text()
    if request.config.getoption("--write-table"):
        DOCUMENT.write_text(written(text))
    else:
        assert text == written(text), "pytest tests/infra/test_roles.py --write-table"
