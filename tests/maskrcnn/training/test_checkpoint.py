"""Checkpoints: whole, newest first, and only under the same settings."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.program import JobError
from maskrcnn.training.checkpoint import Checkpoints, State

SAME = {"base_lr": "0.1", "seed": "1"}


def state(step: int) -> State:
    return State(step, step * 2, -1, 0.25, 1, SAME)


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
    assert checkpoints.restore(SAME) == state(3)
    np.testing.assert_array_equal(variable, [1.0, 2.0])


def test_empty_folder_restores_nothing(checkpoints):
    assert checkpoints.restore(SAME) is None


def test_newest_wins_and_only_the_last_are_kept(checkpoints):
    for step in (8, 9, 10):
        checkpoints.write(state(step))
    assert checkpoints.restore(SAME).step == 10
    assert sorted(p.name for p in checkpoints.folder.iterdir()) == [
        "checkpoint-000000009.npz", "checkpoint-000000010.npz"]


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"x" * 99])
def test_torn_newest_is_skipped_for_the_one_before_it(checkpoints, variable, damage):
    checkpoints.write(state(1))
    variable.assign([7.0, 7.0])
    newest = checkpoints.write(state(2))
    newest.write_bytes(damage(newest.read_bytes()))
    assert checkpoints.restore(SAME).step == 1
    np.testing.assert_array_equal(variable, [1.0, 2.0])


def test_flipped_bytes_inside_an_array_are_noticed(checkpoints):
    checkpoints.write(state(1))
    newest = checkpoints.write(state(2))
    whole = bytearray(newest.read_bytes())
    place = whole.find(np.float32(0.5).tobytes() * 2)
    whole[place] ^= 0xFF
    newest.write_bytes(bytes(whole))
    assert checkpoints.restore(SAME).step == 1


def test_half_written_file_beside_is_never_read(checkpoints):
    checkpoints.folder.mkdir()
    (checkpoints.folder / "checkpoint-000000005.writing").write_bytes(b"half")
    assert checkpoints.restore(SAME) is None


def test_other_settings_are_refused_by_name(checkpoints):
    checkpoints.write(state(1))
    with pytest.raises(JobError, match=r"base_lr was 0\.1, is 0\.2") as caught:
        checkpoints.restore(SAME | {"base_lr": "0.2"})
    assert caught.value.code == "CHECKPOINT_MISMATCH"
