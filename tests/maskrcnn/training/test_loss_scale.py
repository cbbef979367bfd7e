"""Loss scaling by hand, and in training: skipped steps, and the end when it cannot help."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model import precision
from maskrcnn.programs import train as program
from maskrcnn.training import loop, loss_scale, objective
from maskrcnn.training.loss_scale import LossScale
from maskrcnn.training.optimizer import Sgd
from maskrcnn.training.step import TrainingStep


def follow(scale: LossScale, *finite: bool) -> list[float]:
    values = []
    for each in finite:
        scale.update(tf.constant(each))
        values.append(float(scale.scale))
    return values


def test_scale_halves_after_overflow_and_doubles_after_enough_finite_steps(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 2)
    scale = LossScale()
    scale.scale.assign(8.0)
    assert follow(scale, True, True, True, False, True, True) == [8.0, 16.0, 16.0, 8.0, 8.0, 16.0]


def test_scale_stays_within_its_limits(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 1)
    scale = LossScale()
    scale.scale.assign(2.0)
    assert follow(scale, False, False) == [1.0, 1.0]
    scale.scale.assign(loss_scale.LARGEST_SCALE)
    assert follow(scale, True) == [2.0**24]


def test_scaling_saves_a_gradient_that_float16_cannot_hold():
    """Given a gradient of 1e-8, below the smallest float16, when the loss is scaled, then it is still there."""
    scale = LossScale()
    variable = tf.Variable(1.0)

    def gradient(multiplied):
        with tf.GradientTape() as tape:
            narrow = tf.cast(tf.cast(variable, tf.float16), tf.float32)
            loss = multiplied(narrow * 1e-8)
        return tape.gradient(loss, variable)

    assert float(gradient(lambda loss: loss)) == 0.0
    np.testing.assert_allclose(scale.divided([gradient(scale.multiplied)])[0], 1e-8, rtol=1e-3)


class OneWeight:
    """Stands in for the network: its only loss is factor * weight, computed in float16."""

    compute_dtype = tf.float16

    def __init__(self) -> None:
        self.weight = tf.Variable([2.0], name="a/W")


@pytest.fixture
def step(monkeypatch) -> TrainingStep:
    def compute(model, factor, seed, *, mixed):
        losses = dict.fromkeys(objective.LOSSES, tf.zeros([]))
        product = tf.cast(model.weight, tf.float16)[0] * tf.cast(factor, tf.float16)
        return losses | {objective.LOSSES[0]: tf.cast(product, tf.float32)}

    monkeypatch.setattr(objective, "compute", compute)
    model = OneWeight()
    return TrainingStep(model, Sgd([model.weight], momentum=0.9, weight_decay=0.0, clip_norm=0.0))


def test_overflowing_step_moves_neither_weights_nor_momentum_and_halves_the_scale(step):
    """Given a scale of 2^15, when the gradient is 3, then 3 * 2^15 overflows float16 until the scale is 2^14."""
    momentum = step.optimizer.named_slots()["a/W/Momentum"]
    skipped = step.take(tf.constant(3.0), None, tf.constant(0.1))
    assert np.isinf(skipped["gradient_norm"])
    assert np.isfinite(skipped["total_cost"])
    assert (step.model.weight.numpy(), momentum.numpy()) == (2.0, 0.0)
    taken = step.take(tf.constant(3.0), None, tf.constant(0.1))
    assert [float(figures["loss_scale"]) for figures in (skipped, taken)] == [2.0**15, 2.0**14]
    np.testing.assert_allclose(step.model.weight, [2.0 - 0.1 * 3.0], rtol=1e-6)
    np.testing.assert_allclose(momentum, [3.0], rtol=1e-6)


@pytest.fixture
def float16(monkeypatch) -> None:
    monkeypatch.setattr(precision, "choose", lambda asked: (tf.float16, "for this test"))


@pytest.mark.slow
@pytest.mark.usefixtures("float16")
def test_training_in_float16_passes_skipped_steps_and_resumes_with_its_scale(job, monkeypatch, caplog):
    """Given gradients that overflow at first, when training is interrupted, then it goes on with the scale it had."""
    caplog.set_level(logging.INFO, "castline")
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 2.0**18)
    seen = []
    take = loop.Trainer._take_step

    def noted(trainer, step, batch):
        before = {variable.name: variable.numpy() for variable in trainer.model.trained_variables()}
        figures = take(trainer, step, batch)
        moved = any((before[v.name] != v.numpy()).any() for v in trainer.model.trained_variables())
        seen.append((figures["loss_scale"], moved))
        trainer.interruption.requested = len(seen) == 2
        return figures

    monkeypatch.setattr(loop.Trainer, "_take_step", noted)
    program.train(job)
    assert len(seen) == 2
    program.train(job)
    assert len(seen) == 6
    assert seen[:2] == [(2.0**18, False), (2.0**17, False)]
    for (scale, moved), (following, _) in itertools.pairwise(seen):
        assert following == (scale if moved else scale / 2)
    assert any(moved for _, moved in seen)  # in the end it learns
    skipped = [message for message in caplog.messages if "gradients overflow float16 at loss scale" in message]
    assert len(skipped) == sum(not moved for _, moved in seen)
