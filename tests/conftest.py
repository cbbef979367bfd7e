"""What every test starts from."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)  # a busy machine is no fault
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))  # `default` looks for new examples each time

DEPLOYING = ("tests/end_to_end/", "tests/faults/")
"""They synthesize the stacks into one folder of the checkout: never two at a time."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Divide the tests among workers: those of a file share its fixtures, and so do those that deploy."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("stacks" if file.startswith(DEPLOYING) else file))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The container's programs set up the root logger as a process of their own would: undo it after each test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
