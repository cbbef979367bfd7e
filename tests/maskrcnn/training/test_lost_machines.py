"""Training as real processes that are interrupted, killed, and robbed of their newest checkpoint, at random steps."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.layout import Layout

REPOSITORY = Path(__file__).resolve().parents[3]
STEPS = 12
JOB = {"images_per_epoch": "8", "epochs": "3", "eval_period": "3", "checkpoint_seconds": "1", "log_seconds": "0.1"}
"""Four steps an epoch."""
LOSSES = re.compile(r"step (\d+)/\d+ loss (.*\)) ")

CHILD = """
import io, itertools, os, signal, sys
import numpy as np
from maskrcnn.programs import train
from maskrcnn.training import array_file, loop

die_while_writing = int(sys.argv[1])
build, save = loop.Trainer.__init__, np.savez

def with_a_clock_that_ticks(trainer, *arguments, **options):  # a checkpoint and a line of log after every step
    build(trainer, *arguments, clock=itertools.count().__next__, **options)

def torn(file, **arrays):
    if die_while_writing and f"-{die_while_writing:09d}." in file.name:
        whole = io.BytesIO()
        save(whole, **arrays)
        file.write(whole.getvalue()[: whole.tell() // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(file, **arrays)

loop.Trainer.__init__ = with_a_clock_that_ticks
array_file.np.savez = torn
sys.exit(train.main())
"""


class Machine:
    """One run of the program, up to its end or to a signal at a step."""

    def __init__(self, layout: Layout, *, signal_at: tuple[int, signal.Signals] | None = None,
                 sigterm_after: str = "", die_while_writing: int = 0) -> None:
        environment = {**os.environ, "CASTLINE_ML_ROOT": str(layout.root), "PYTHONUNBUFFERED": "1",
                       "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'training_container'}"}
        command = [sys.executable, "-c", CHILD, str(die_while_writing)]
        self.lines: list[str] = []
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            for line in process.stdout or ():
                self.lines.append(line)
                step = LOSSES.search(line)
                if signal_at and step and int(step[1]) == signal_at[0]:
                    process.send_signal(signal_at[1])
                if sigterm_after and sigterm_after in line:
                    process.terminate()
        self.status = process.returncode
        self.losses = {int(found[1]): found[2] for found in map(LOSSES.search, self.lines) if found}
        self.figures = [line.split("] ", 1)[1] for line in self.lines if re.search(r"\] [\w()/.:=]+: ", line)
                        and "Throughput" not in line]

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)


def weights(layout: Layout) -> dict[str, np.ndarray]:
    with np.load(layout.model / "weights.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, make_job) -> tuple[Layout, Machine]:
    layout = make_job(tmp_path_factory.mktemp("straight") / "ml", **JOB)
    machine = Machine(layout)
    assert machine.status == 0, "".join(machine.lines)
    return layout, machine


@pytest.fixture
def stops() -> Iterator[int]:
    """Steps from the second on, rising and random, the same in every run of the tests."""
    return iter(sorted(random.Random(20261121).sample(range(2, STEPS - 1), 4)))  # noqa: S311


def check_equal(straight: tuple[Layout, Machine], layout: Layout, machines: list[Machine]) -> None:
    """Every loss that any machine printed, the figures of the last epoch and the weights, to the last bit."""
    expected_layout, expected = straight
    for machine in machines:
        assert machine.losses.items() <= expected.losses.items()
    assert set().union(*(machine.losses for machine in machines)) == set(range(1, STEPS + 1))
    last = machines[-1].figures
    assert last == expected.figures[-len(last):]
    assert len(last) > 20
    final = weights(layout)
    for name, array in weights(expected_layout).items():
        np.testing.assert_array_equal(array, final[name], err_msg=name)


@pytest.mark.slow
def test_given_sigterm_at_random_steps_when_resumed_then_the_run_equals_a_straight_one(
        straight, stops, make_job, tmp_path):
    layout = make_job(tmp_path / "ml", **JOB)
    machines = [Machine(layout, signal_at=(next(stops), signal.SIGTERM)) for _ in range(2)]
    for machine in machines:
        assert machine.status == 0
        assert machine.said("checkpoint written, no model")
        assert not layout.model.exists()
    machines.append(Machine(layout))
    assert machines[-1].said(f"Resumed from checkpoint-{2 * max(machines[1].losses):09d}.npz")
    check_equal(straight, layout, machines)


@pytest.mark.slow
def test_given_kills_a_torn_write_and_a_truncated_file_when_resumed_then_the_run_equals_a_straight_one(
        straight, stops, make_job, tmp_path):
    layout = make_job(tmp_path / "ml", **JOB)
    killed = Machine(layout, signal_at=(next(stops), signal.SIGKILL))
    assert killed.status == -signal.SIGKILL
    next(stops)
    step = next(stops)
    torn = Machine(layout, die_while_writing=2 * step)
    assert torn.status == -signal.SIGKILL
    assert [path.name for path in layout.checkpoints.glob("*.writing")] == [f"checkpoint-{2 * step:09d}.writing"]
    newest = layout.checkpoints / f"checkpoint-{2 * (step - 1):09d}.npz"
    newest.write_bytes(newest.read_bytes()[:1000])
    last = Machine(layout)
    assert last.status == 0
    assert last.said(f"checkpoint-{2 * step:09d}.writing: removed")
    assert last.said(f"{newest.name}: not usable: it is cut off")
    assert last.said(f"Resumed from checkpoint-{2 * (step - 2):09d}.npz")
    check_equal(straight, layout, [killed, torn, last])


@pytest.mark.slow
def test_given_sigterm_while_the_first_step_is_traced_then_the_process_ends_without_taking_it(make_job, tmp_path):
    layout = make_job(tmp_path / "ml", **JOB)
    machine = Machine(layout, sigterm_after="training begins")
    assert machine.status == 0
    assert machine.said("Interrupted with nothing unsaved: ending at once")
    assert machine.losses == {}
    assert not layout.checkpoints.exists()
    assert not layout.model.exists()
