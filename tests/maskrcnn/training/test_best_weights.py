"""The weights of the best evaluation: kept as long as a checkpoint speaks of them, taken when clearly better."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.training.best_weights import BestWeights
from maskrcnn.training.checkpoint import Checkpoints, State


@pytest.fixture
def variable() -> tf.Variable:
    return tf.Variable([1.0, 2.0], name="conv0/W")


@pytest.fixture
def best(tmp_path, variable) -> BestWeights:
    variables = {"conv0/W": variable}
    return BestWeights(Checkpoints(tmp_path, variables, keep=2), variables)


def state(last: float, best: float, best_position: int = 4) -> State:
    return State(9, 9, {}, evaluated_position=9, last_score=last, best_position=best_position, best_score=best)


@pytest.mark.parametrize(("last", "taken"), [(0.30, True), (0.455, False), (0.46, False)])
def test_best_is_taken_only_when_clearly_better_than_the_last(best, variable, last, taken):
    best.keep(4)
    variable.assign([7.0, 7.0])
    assert best.choose(state(last, 0.46)) is taken
    np.testing.assert_array_equal(variable, [1.0, 2.0] if taken else [7.0, 7.0])


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"torn")])
def test_lost_best_leaves_the_last_weights_with_a_warning(best, variable, caplog, damage):
    best.keep(4)
    damage(best.checkpoints.folder / "best-000000004.npz")
    variable.assign([7.0, 7.0])
    assert not best.choose(state(0.1, 0.9))
    np.testing.assert_array_equal(variable, [7.0, 7.0])
    assert "best-000000004.npz: not usable" in caplog.text


def test_earlier_best_stays_until_no_checkpoint_speaks_of_it(best):
    """Given a new best, when the machine is lost before the next checkpoint, then the old best is still there."""
    best.keep(4)
    best.checkpoints.write(state(0.2, 0.2, best_position=4))
    best.keep(8)

    def names():
        return sorted(path.name for path in best.checkpoints.folder.glob("best-*"))

    assert names() == ["best-000000004.npz", "best-000000008.npz"]
    best.checkpoints.write(State(20, 20, {}, best_position=8))
    best.checkpoints.write(State(21, 21, {}, best_position=8))
    best.keep(22)
    assert names() == ["best-000000008.npz", "best-000000022.npz"]
