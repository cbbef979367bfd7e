"""Dynamic loss scaling, which keeps small gradients alive in float16 (Micikevicius et al. 2018, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.distribution import replicas

INITIAL_SCALE = 2.0**15
LARGEST_SCALE = 2.0**24
GROWTH_STEPS = 2000
"""Steps without overflow after which the scale doubles."""


class LossScale(tf.Module):
    """Multiplies the loss before the gradients are taken, and divides them by it again.

    The scale halves after gradients that are not finite, and doubles after GROWTH_STEPS that are. At 1 it cannot
    help any more: whatever overflows then overflows without it too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(INITIAL_SCALE, trainable=False, name="loss_scale/scale")
        self.finite_steps = tf.Variable(0.0, trainable=False, name="loss_scale/finite_steps")

    def named_variables(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold, by name."""
        return {variable.name.removesuffix(":0"): variable for variable in (self.scale, self.finite_steps)}

    def multiplied(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss [] whose gradients are taken."""
        return loss * self.scale

    def divided(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients of the loss itself."""
        return [gradient / self.scale for gradient in gradients]

    def update(self, finite: tf.Tensor) -> None:
        """Follow a step whose gradients were `finite` [] or not."""
        steps = tf.where(finite, self.finite_steps + 1.0, 0.0)
        grows = steps >= GROWTH_STEPS
        grown = tf.where(grows, tf.minimum(self.scale * 2.0, LARGEST_SCALE), self.scale)
        replicas.assign(self.scale, tf.where(finite, grown, tf.maximum(self.scale / 2.0, 1.0)))
        replicas.assign(self.finite_steps, tf.where(grows, 0.0, steps))
