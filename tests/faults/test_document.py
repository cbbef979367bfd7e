"""docs/reliability.md says what the suite proves."""

from __future__ import annotations

import pytest

from .document import DOCUMENT, written


def test_document_shows_the_faults_of_the_suite(request: pytest.FixtureRequest) -> None:
    text = DOCUMENT.read_text()
    if request.config.getoption("--write-table", default=False):
        DOCUMENT.write_text(written(text))
    else:
        assert text == written(text), "pytest tests/faults/test_document.py --write-table"
