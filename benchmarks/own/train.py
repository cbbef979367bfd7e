"""One training step of ours, as the program train takes it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from maskrcnn.training import optimizer
from maskrcnn.training.step import TrainingStep

from benchmarks import worker
from benchmarks.own import network

RATE = 1e-6
"""Learning rate: small, so that random weights stay what they are."""


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: size, batch, dtype, hyperparameters."""
    settings = network.settings(spec)
    model = network.network(settings.model, spec)
    batch = network.batch(spec["size"], spec["batch"])
    mover = optimizer.build(settings.training, model.trained_variables())
    step = TrainingStep(model, mover).compiled(tf.nest.map_structure(tf.TensorSpec.from_tensor, batch))
    seed, rate = tf.constant([1, 2], tf.int64), tf.constant(RATE)

    def sample() -> dict[str, float]:
        figures = {name: float(value) for name, value in step(batch, seed, rate).items()}
        return {"loss": figures["total_cost"], "masks": figures["fastrcnn_losses/num_fg_label"]}

    return sample


if __name__ == "__main__":
    worker.serve(build)
