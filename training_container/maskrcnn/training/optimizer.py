"""SGD with momentum, weight decay on kernels, and a limit on the gradients' norm."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

SLOT = "/Momentum"  # tensorpack's suffix of the slots


class Sgd(tf.Module):
    """accum = momentum * accum + gradient; variable -= rate * accum (TensorFlow's MomentumOptimizer)."""

    def __init__(
        self, variables: Sequence[tf.Variable], momentum: float, weight_decay: float, clip_norm: float
    ) -> None:
        super().__init__()
        self.trained = list(variables)
        self.momentum, self.weight_decay, self.clip_norm = momentum, weight_decay, clip_norm
        self.slots = [tf.Variable(tf.zeros_like(v), trainable=False, name=v.name.removesuffix(":0") + SLOT)
                      for v in self.trained]

    def named_slots(self) -> dict[str, tf.Variable]:
        """The momentum of each variable, by `<variable>/Momentum`."""
        return {slot.name.removesuffix(":0"): slot for slot in self.slots}

    def decay_cost(self) -> tf.Tensor:
        """weight_decay / 2 * ||W||^2 over kernels; biases and normalisations are left alone."""
        kernels = [v for v in self.trained if v.name.removesuffix(":0").endswith("/W")]
        return self.weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])

    def apply(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
        """Move the variables; returns the gradients' norm before clipping."""
        norm = tf.linalg.global_norm(gradients)
        scale = self.clip_norm / tf.maximum(norm, self.clip_norm) if self.clip_norm else tf.ones([])
        for variable, slot, gradient in zip(self.trained, self.slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyMomentum(var=variable.handle, accum=slot.handle, lr=learning_rate,
                                             grad=gradient * scale, momentum=self.momentum)
        return norm
