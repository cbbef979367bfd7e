"""One training step as one graph: losses, gradients, and the move of the variables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from maskrcnn.model.extents import Extents
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective
from maskrcnn.training.config import LossWeights
from maskrcnn.training.examples import Example
from maskrcnn.training.loss_scale import LossScale
from maskrcnn.training.loss_weights import UNWEIGHTED, weighted_sum
from maskrcnn.training.optimizer import Optimizer

Step = Callable[[Example, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
"""Batch, seed [2] and learning rate [] -> figures []."""


class TrainingStep:
    """Takes steps.

    Args:
        model: Computes the losses; in float16 they are scaled.
        optimizer: Of the model's variables.
        loss_weights: Factors of the losses in the sum.
    """

    def __init__(self, model: MaskRCNN, optimizer: Optimizer, loss_weights: LossWeights = UNWEIGHTED) -> None:
        self.model, self.optimizer, self.loss_weights = model, optimizer, loss_weights
        self.loss_scale = LossScale() if model.compute_dtype == tf.float16 else None

    def named_variables(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold beside the weights and the optimizer's slots, by name."""
        return self.loss_scale.named_variables() if self.loss_scale else {}

    def compiled(self, batch: Example) -> Step:
        """The step as one graph for batches of this specification: any size, one trace.

        Batches whose images differ in size take a second graph, traced when the first of them comes.
        """
        signature = (batch, tf.TensorSpec([2], tf.int64), tf.TensorSpec([], tf.float32))
        uniform, mixed = (tf.function(functools.partial(self.take, mixed=mixed), input_signature=signature,
                                      autograph=False) for mixed in (False, True))

        def step(batch: Example, seed: tf.Tensor, learning_rate: tf.Tensor) -> dict[str, tf.Tensor]:
            same = Extents.of(batch.image, batch.size).uniform
            figures: dict[str, tf.Tensor] = (uniform if same else mixed)(batch, seed, learning_rate)
            return figures

        return step

    def take(self, batch: Example, seed: tf.Tensor, learning_rate: tf.Tensor, *,
             mixed: bool = False) -> dict[str, tf.Tensor]:
        """Move the variables by one batch; its losses and figures, all float32.

        `mixed`: the images differ in size.

        `gradient_norm` is before clipping, and infinite where float16 overflowed: then nothing was moved.
        """
        variables = self.optimizer.trained
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            figures = objective.compute(self.model, batch, seed, mixed=mixed)
            decay = self.optimizer.decay_cost()
            total = weighted_sum(figures, self.loss_weights) + decay
            scaled = self.loss_scale.multiplied(total) if self.loss_scale else total
        gradients = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        figures |= {"wd_cost": decay, "total_cost": total}
        if self.loss_scale:
            return figures | self._apply_scaled(self.loss_scale, gradients, learning_rate)
        return figures | {"gradient_norm": self.optimizer.apply(gradients, learning_rate)}

    def _apply_scaled(self, loss_scale: LossScale, gradients: Sequence[tf.Tensor],
                      learning_rate: tf.Tensor) -> dict[str, tf.Tensor]:
        """Move the variables only if no gradient overflowed."""
        gradients, scale = loss_scale.divided(gradients), loss_scale.scale.read_value()
        finite = tf.math.is_finite(tf.linalg.global_norm(gradients))
        norm = tf.cond(finite, lambda: self.optimizer.apply(gradients, learning_rate),
                       lambda: tf.constant(float("inf")))
        loss_scale.update(finite)
        return {"gradient_norm": norm, "loss_scale": scale}
