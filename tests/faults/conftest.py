"""One deployment for all faults; after each of them the system comes to rest and the invariants are checked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import deploy
from app.embedded import control

from .invariants import broken
from .rows import Row
from .world import CLOCKS, ENVIRONMENT, World

WAIT_SCALE = "0.02"
"""Retries of the state machine wait for a fiftieth of their time."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which fault was survived and which was not."""
    results: dict[str, list[str]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            name = dict(getattr(report, "user_properties", [])).get("fault")
            if name and (report.when == "call" or outcome != "passed"):
                results.setdefault(name, []).append(outcome)
    if results:
        terminalreporter.section("faults")
    for name, outcomes in results.items():
        good = outcomes.count("passed")
        terminalreporter.write_line(f"{'ok  ' if good == len(outcomes) else 'FAIL'} {good}/{len(outcomes)}  {name}")


@pytest.fixture(autouse=True)
def _row(request: pytest.FixtureRequest, record_property: pytest.RecordProperty) -> None:
    marker = request.node.get_closest_marker("fault_row")
    if marker:
        row: Row = marker.args[0]
        record_property("fault", row.fault)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("aws")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world = World(port, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CASTLINE_STATE", str(state))
        patch.setenv("CASTLINE_PROGRAMS", str(Path(__file__).parent / "programs"))
        patch.setenv("CASTLINE_FAULT_ORDERS", str(world.orders))
        patch.setenv("SFN_WAIT_SCALE", WAIT_SCALE)
        try:
            control.up(port, state)
            deploy.deploy(ENVIRONMENT, aws=False)
            world.connect()
            world.rules(*CLOCKS, enabled=False)  # the tests strike them
            world.subscribe()
            first = world.run()
            assert first.outcome == "PROMOTED", first.cause
            world.rest()
            yield world
        finally:
            control.down(state)


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    """The pipeline at rest with a champion; afterwards it must come to rest again, with every invariant held."""
    deployed.empty_the_inbox()
    yield deployed
    deployed.let_go()
    deployed.rest()
    wrong = broken(deployed)
    assert not wrong, "\n".join(wrong)
