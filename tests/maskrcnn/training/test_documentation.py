"""docs/hyperparameters.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from maskrcnn import hyperparameters


def test_documented_table_is_the_generated_one():
    """When it differs: `python -m maskrcnn.hyperparameters > docs/hyperparameters.md` with PYTHONPATH as in make."""
    document = Path(__file__).parents[3] / "docs/hyperparameters.md"
    assert document.read_text() == hyperparameters.page()
