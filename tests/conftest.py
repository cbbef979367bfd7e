"""What every test starts from."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, deadline=None)  # a busy machine is no fault
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))  # `default` looks for new examples each time

DEPLOYING = ("tests/end_to_end/", "tests/faults/", "tests/strict/")
"""They synthesize the stacks into one folder of the checkout: never two at a time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", action="store_true", help="write the tables of reliability.md and roles.md")


class Workers(LoadScopeScheduling):
    """Tests of a file share its fixtures and so a worker; those that deploy share one too."""

    def _split_scope(self, nodeid: str) -> str:
        return "stacks" if nodeid.startswith(DEPLOYING) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Workers:
    """Groups by marks (--dist loadgroup) are lost with pytest 9.2, whose nodes take no other name."""
    return Workers(config, log)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The container's programs set up the root logger as a process of their own would: undo it after each test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
