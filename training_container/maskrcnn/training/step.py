"""One training step as one graph: losses, gradients, and the move of the variables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.distribution.team import Team
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
        team: Takes each step together; nobody else by default.
    """

    def __init__(self, model: MaskRCNN, optimizer: Optimizer, loss_weights: LossWeights = UNWEIGHTED,
                 team: Team | None = None) -> None:
        self.model, self.optimizer, self.loss_weights = model, optimizer, loss_weights
        self.team = team or Team()
        self.loss_scale = LossScale() if model.compute_dtype == tf.float16 else None

    def named_variables(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold beside the weights and the optimizer's slots, by name."""
        return self.loss_scale.named_variables() if self.loss_scale else {}

    def compiled(self, batch: Example) -> Step:
        """The step as one graph for batches of this specification: any size, one trace.

        Batches whose images differ in size take a second graph, traced when the first of them comes. All hosts take
        the same one, as one host would with the joint batch.
        """
        signature = (batch, tf.TensorSpec([2], tf.int64), tf.TensorSpec([], tf.float32))
        uniform, mixed = (tf.function(self.team.on_every_device(functools.partial(self.take, mixed=mixed)),
                                      input_signature=signature, autograph=False) for mixed in (False, True))

        def step(batch: Example, seed: tf.Tensor, learning_rate: tf.Tensor) -> dict[str, tf.Tensor]:
            same = self._same_size(batch)
            figures: dict[str, tf.Tensor] = (uniform if same else mixed)(batch, seed, learning_rate)
            return figures

        return step

    def _same_size(self, batch: Example) -> bool | tf.Tensor:
        """Whether all images of the joint batch have one size; every host comes to the same answer."""
        same = Extents.of(batch.image, batch.size).uniform
        if self.team.hosts == 1:
            return same
        return self.team.all_same([int(same), *batch.image.shape[1:3]]) and same

    def take(self, batch: Example, seed: tf.Tensor, learning_rate: tf.Tensor, *,
             mixed: bool = False) -> dict[str, tf.Tensor]:
        """Move the variables by one batch; its losses and figures, all float32.

        Of several replicas each computes its share of the joint batch's loss, and all move by the sum of the gradients.
        `mixed`: the images differ in size.

        `gradient_norm` is before clipping, and infinite where float16 overflowed: then nothing was moved.
        """
        variables = self.optimizer.trained
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            figures = objective.compute(self.model, batch, seed, mixed=mixed)
            decay = self.optimizer.decay_cost()
            total = weighted_sum(figures, self.loss_weights) + decay / replicas.count()
            scaled = self.loss_scale.multiplied(total) if self.loss_scale else total
        gradients = replicas.totals(
            tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        figures = _joint({**figures, "total_cost": total}) | {"wd_cost": decay}
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


def _joint(figures: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Figures [] of the joint batch: the sums of all replicas' shares, in one message."""
    if replicas.count() == 1:
        return figures
    values = tf.unstack(replicas.total(tf.stack(list(figures.values()))), len(figures))
    return dict(zip(figures, values, strict=True))
