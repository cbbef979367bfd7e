"""What every test starts from."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))  # `default` looks for new examples each time


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The container's programs set up the root logger as a process of their own would: undo it after each test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
