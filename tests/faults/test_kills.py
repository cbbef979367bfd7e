"""The power fails, at any moment of a run."""

from __future__ import annotations

import os
import random
import time

import pytest

from app.embedded import control

from .rows import fault
from .world import World, wait_until

KILLS, FAST_KILLS = 50, 2
RUN_SECONDS = 6.0
FIRST_SEED = int(os.environ.get("CASTLINE_FAULT_SEED", random.SystemRandom().randrange(1_000_000)))
"""Of `make faults`; in the name of each test, so that a failure can be repeated."""


def killed(world: World, seed: int) -> None:
    """Upload, kill at a random moment, start again: without a person every upload ends in the data set."""
    moment = random.Random(seed).uniform(0.0, RUN_SECONDS)  # noqa: S311 - not a secret
    world.order("train", seconds=1.0)
    world.upload()
    time.sleep(moment)  # the moment of the kill is what is tried, nothing is waited for
    world.kill()
    control.up(world.port, world.state)
    world.connect()
    wait_until(lambda: world.tick() and not world.inbox())  # a run that was cut off is tried again after a while
    world.rest()


KILL = {
    "fault": "the embedded AWS is killed at a random moment",
    "injected": f"SIGKILL up to {RUN_SECONDS:.0f} s after an upload, {KILLS} times with random seeds (`make faults`; "
                f"{FAST_KILLS} in `make test`)",
    "seen": "run ABORTED with States.ServiceRestart, its jobs Failed with InternalServerError",
    "recovers": "endpoints come up again; the run is closed and the next one uses the uploads, without a person",
}


@pytest.mark.parametrize("seed", range(FAST_KILLS))
@fault(**KILL, fast=True)
def test_killed(world: World, seed: int) -> None:
    killed(world, seed)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + KILLS - FAST_KILLS))
@fault(**KILL)
def test_killed_again(world: World, seed: int) -> None:
    killed(world, seed)
