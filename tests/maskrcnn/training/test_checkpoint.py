"""Checkpoints: whole, newest first, and only under the same settings."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.program import JobError
from maskrcnn.training import array_file
from maskrcnn.training.checkpoint import STATE, Checkpoints, State

SAME = {"base_lr": "0.1", "seed": "1"}


def state(step: int) -> State:
    """Two images a step."""
    return State(step, step * 2, SAME, best_position=2, best_score=0.25, sums={"total_cost": 0.1}, summed_steps=3)


def restored_step(checkpoints: Checkpoints) -> int:
    path, found = checkpoints.restore(SAME)
    assert path.name == f"checkpoint-{found.position:09d}.npz"
    return found.step


@pytest.fixture
def variable() -> tf.Variable:
    return tf.Variable([1.0, 2.0], name="conv0/W")


@pytest.fixture
def checkpoints(tmp_path, variable) -> Checkpoints:
    variables = {"conv0/W": variable, "conv0/W/Momentum": tf.Variable([0.5, 0.5])}
    return Checkpoints(tmp_path / "checkpoints", variables, keep=2)


def test_restore_brings_back_variables_and_state(checkpoints, variable):
    checkpoints.write(state(3))
    variable.assign([9.0, 9.0])
    assert checkpoints.restore(SAME) == (checkpoints.newest(), state(3))
    np.testing.assert_array_equal(variable, [1.0, 2.0])


def test_empty_folder_restores_nothing(checkpoints):
    assert checkpoints.restore(SAME) is None


def test_newest_wins_and_only_the_last_are_kept(checkpoints):
    for step in (8, 9, 10):
        checkpoints.write(state(step))
    assert restored_step(checkpoints) == 10
    assert sorted(p.name for p in checkpoints.folder.iterdir()) == [
        "checkpoint-000000018.npz", "checkpoint-000000020.npz"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(lambda whole: whole[: len(whole) // 2], "cut off"), (lambda whole: b"", "empty"),
     (lambda whole: b"x" * 99, "cut off or altered"),
     (lambda whole: whole[:-100] + bytes(100), "cut off or altered")],  # synchronised up to its last block
    ids=["truncated", "zero length", "something else", "zeroed end"])
def test_torn_newest_is_named_and_skipped_for_the_one_before_it(checkpoints, variable, damage, reason, caplog):
    checkpoints.write(state(1))
    variable.assign([7.0, 7.0])
    newest = checkpoints.write(state(2))
    newest.write_bytes(damage(newest.read_bytes()))
    assert restored_step(checkpoints) == 1
    np.testing.assert_array_equal(variable, [1.0, 2.0])
    assert any(newest.name in message and reason in message for message in caplog.messages)


def rewritten(path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """A whole file with other entries."""
    arrays = array_file.read(path)
    change(arrays)
    array_file.write(path, arrays)


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda arrays: arrays.pop("conv0/W/Momentum"), "1 entries are missing, first conv0/W/Momentum"),
     (lambda arrays: arrays.pop(STATE), "an entry is missing: state.json"),
     (lambda arrays: arrays.update({"conv0/W": np.zeros([3], np.float32)}), r"conv0/W has the shape (3,) instead of"),
     (lambda arrays: arrays.update({STATE: np.frombuffer(b'{"step": 1}', np.uint8)}), "not what this release writes")],
    ids=["missing", "no state", "wrong shape", "another release"])
def test_whole_file_with_wrong_entries_is_named_and_moves_no_variable(checkpoints, variable, change, reason, caplog):
    checkpoints.write(state(1))
    rewritten(checkpoints.write(state(2)), change)
    variable.assign([9.0, 9.0])
    assert restored_step(checkpoints) == 1
    np.testing.assert_array_equal(variable, [1.0, 2.0])
    assert any("checkpoint-000000004.npz" in message and reason in message for message in caplog.messages)


def test_skipped_file_does_not_count_among_those_kept(checkpoints):
    """Given a torn newest, when training goes on from the one before, then both of the newest two are whole."""
    checkpoints.write(state(1))
    checkpoints.write(state(2)).write_bytes(b"torn")
    checkpoints.restore(SAME)
    checkpoints.write(state(3))
    assert [kept.step for kept in checkpoints.kept_states()] == [3, 1]


def test_torn_first_checkpoint_lets_training_begin_anew(checkpoints):
    checkpoints.write(state(1)).write_bytes(b"torn")
    assert checkpoints.restore(SAME) is None
    assert list(checkpoints.folder.iterdir()) == []


def test_several_checkpoints_and_none_whole_are_left_to_a_person(checkpoints):
    paths = [checkpoints.write(state(step)) for step in (1, 2)]
    for path in paths:
        path.write_bytes(b"torn")
    with pytest.raises(JobError, match=r"none of 2 checkpoints is usable, newest checkpoint-000000004") as caught:
        checkpoints.restore(SAME)
    assert caught.value.code == "CHECKPOINT_DAMAGED"
    assert all(path.exists() for path in paths)


def test_checkpoint_in_the_background_holds_the_moment_it_was_begun(checkpoints, variable):
    checkpoints.begin(state(1))
    variable.assign([9.0, 9.0])
    checkpoints.settle()
    checkpoints.restore(SAME)
    np.testing.assert_array_equal(variable, [1.0, 2.0])


def test_failure_in_the_background_is_raised_by_the_next_one(checkpoints, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(array_file.os, "fsync", full)
    checkpoints.begin(state(1))
    with pytest.raises(JobError, match=r"the disk has .* MB left: raise volume_gb") as caught:
        checkpoints.begin(state(2))
    assert caught.value.code == "CONFIG_INVALID"
    assert list(checkpoints.folder.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_spoilt_weights_are_never_written(checkpoints, variable, value):
    checkpoints.write(state(1))
    variable.assign([1.0, value])
    with pytest.raises(JobError, match=r"conv0/W is NaN or infinite.*last good one checkpoint-000000002") as caught:
        checkpoints.write(state(2))
    assert caught.value.code == "LOSS_NOT_FINITE"
    assert [kept.step for kept in checkpoints.kept_states()] == [1]


def test_optional_variables_keep_their_value_where_a_checkpoint_lacks_them(checkpoints, variable):
    checkpoints.write(state(1))
    scale = tf.Variable(8.0)
    other = Checkpoints(checkpoints.folder, checkpoints.variables, 2, {"loss_scale": scale})
    other.restore(SAME)
    assert scale.numpy() == 8.0
    other.write(state(2))
    scale.assign(1.0)
    other.restore(SAME)
    assert scale.numpy() == 8.0


def test_bytes_reach_the_disk_before_the_name(checkpoints, monkeypatch):
    """The file is synced, renamed, and then the folder that holds its name is synced."""
    calls = []
    sync, replace = os.fsync, Path.replace

    def noted(descriptor):
        calls.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(array_file.os, "fsync", noted)
    monkeypatch.setattr(Path, "replace", lambda self, to: (calls.append("rename"), replace(self, to))[1])
    path = checkpoints.write(state(1))
    assert calls == [str(path.with_suffix(".writing")), "rename", str(path.parent)]


def test_flipped_bytes_inside_an_array_are_noticed(checkpoints):
    checkpoints.write(state(1))
    newest = checkpoints.write(state(2))
    whole = bytearray(newest.read_bytes())
    place = whole.find(np.float32(0.5).tobytes() * 2)
    whole[place] ^= 0xFF
    newest.write_bytes(bytes(whole))
    assert restored_step(checkpoints) == 1


def test_half_written_file_beside_is_never_read_and_cleaned(checkpoints):
    checkpoints.folder.mkdir()
    half = checkpoints.folder / "checkpoint-000000005.writing"
    half.write_bytes(b"half")
    assert checkpoints.restore(SAME) is None
    assert not half.exists()


def test_other_settings_are_refused_by_name(checkpoints):
    checkpoints.write(state(1))
    with pytest.raises(JobError, match=r"base_lr was 0\.1, is 0\.2") as caught:
        checkpoints.restore(SAME | {"base_lr": "0.2"})
    assert caught.value.code == "CHECKPOINT_MISMATCH"
