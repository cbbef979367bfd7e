"""The train program on two hosts and on two devices: the same losses as one device with the same joint batch.

Tolerance: sums over the batch are taken in another order, which changes float32 losses by some 1e-7 of their size; the
sums and squares of SyncBN, and AdamW, which divides by the size of each gradient, make some 1e-5 of it in three steps.
"""

from __future__ import annotations

import json

import pytest

RELATIVE = 2e-4
JOB = {"images_per_epoch": "6", "epochs": "1", "eval_period": "1", "batch_norm": "SyncBN"}
"""Three steps of two images."""


def losses(ended):
    return dict(ended.told("STEP"))


@pytest.fixture(scope="module")
def train(processes, free_addresses):
    """Runs the program on every host at the same time, each in its folder of the job."""

    def run(layouts, devices=1, sigterm=None):
        names = [f"algo-{number}" for number, _ in enumerate(layouts, start=1)]
        where = free_addresses(len(layouts))
        for name, layout in zip(names, layouts, strict=True):
            layout.resources.write_text(json.dumps({"current_host": name, "hosts": names}))
        return processes("host.py", [[str(devices), str((sigterm or {}).get(name, 0))] for name in names],
                         [{"CASTLINE_ML_ROOT": str(layout.root), "CASTLINE_HOST_ADDRESSES": where}
                          for layout in layouts])

    return run


@pytest.fixture(scope="module")
def straight(tmp_path_factory, training, train):
    [ended] = train([training.lay_out(tmp_path_factory.mktemp("straight") / "ml", **JOB)])
    assert ended.status == 0, ended.output
    return ended


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, training, train):
    """Two hosts with one image a step each, of which the second got SIGTERM in the second step."""
    folder = tmp_path_factory.mktemp("two")
    layouts = [training.lay_out(folder / name, **JOB | {"batch_size_per_gpu": "1"}) for name in ("one", "two")]
    return layouts, train(layouts, sigterm={"algo-2": 2})


@pytest.mark.slow
def test_two_hosts_have_the_losses_of_one_with_their_joint_batch(straight, stopped):
    _, hosts = stopped
    expected = losses(straight)
    assert losses(hosts[0]).keys() == {1, 2}
    for step, figures in losses(hosts[0]).items():
        assert figures == pytest.approx(expected[step], rel=RELATIVE, abs=1e-6)
    assert losses(hosts[0]) == losses(hosts[1])


@pytest.mark.slow
def test_given_sigterm_on_one_host_then_all_stop_after_the_same_step_and_the_first_one_writes(stopped):
    layouts, hosts = stopped
    assert [host.status for host in hosts] == [0, 0], hosts[0].output + hosts[1].output
    assert [path.name for path in layouts[0].checkpoints.iterdir()] == ["checkpoint-000000004.npz"]
    assert not layouts[1].checkpoints.exists()
    assert not any(layout.model.exists() for layout in layouts)
    assert "Interrupted at step 2: checkpoint written, no model" in hosts[0].output
    assert "algo-2 works for algo-1" in hosts[1].output
    assert "step 2/3" not in hosts[1].output


@pytest.mark.slow
def test_what_two_hosts_left_two_devices_of_one_finish_as_one_device_would(straight, stopped, train):
    layouts, _ = stopped
    [ended] = train(layouts[:1], devices=2)
    assert ended.status == 0, ended.output
    assert "Resumed from checkpoint-000000004.npz: step 2 of 3" in ended.output
    assert losses(ended) == {3: pytest.approx(losses(straight)[3], rel=RELATIVE, abs=1e-6)}
    assert ended.told("VALIDATION") == [pytest.approx(straight.told("VALIDATION")[0], abs=1e-3)]
    assert json.loads((layouts[0].model / "model.json").read_text())["steps"] == 3
