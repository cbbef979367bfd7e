"""The optimizers: SGD with momentum as in tensorpack, and AdamW, which needs far fewer steps from scratch."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence

import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.training.config import TrainingConfig

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Kingma and Ba 2015


class Optimizer(tf.Module, abc.ABC):
    """Moves variables against their gradients, whose global norm it limits.

    Attributes:
        trained: What moves now: all variables, or those that `focus` chose.

    Args:
        variables: What is ever trained.
        weight_decay: On kernels only; biases and normalisations are left alone.
        clip_norm: Largest global norm of the gradients; 0 is no limit.
    """

    def __init__(self, variables: Sequence[tf.Variable], weight_decay: float, clip_norm: float) -> None:
        super().__init__()
        self._all = {_name(variable): variable for variable in variables}
        self.trained = list(variables)
        self.weight_decay, self.clip_norm = weight_decay, clip_norm

    @property
    def names(self) -> list[str]:
        """Of every variable that is ever trained."""
        return list(self._all)

    def focus(self, names: Collection[str]) -> None:
        """Move only the variables with these names from now on; the others keep their values and slots."""
        self.trained = [variable for name, variable in self._all.items() if name in names]

    def reset(self) -> None:
        """Forget all steps taken, as a new optimizer would."""
        for slot in self.named_slots().values():
            slot.assign(tf.zeros_like(slot))

    @abc.abstractmethod
    def named_slots(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold beside the variables, by name."""

    @abc.abstractmethod
    def decay_cost(self) -> tf.Tensor:
        """What weight decay adds to the loss; 0 where it acts on the weights directly."""

    @abc.abstractmethod
    def _move(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> None:
        """Take one step with clipped gradients."""

    def apply(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
        """Move the variables; returns the gradients' norm before clipping."""
        norm = tf.linalg.global_norm(gradients)
        if self.clip_norm:
            scale = self.clip_norm / tf.maximum(norm, self.clip_norm)
            gradients = [gradient * scale for gradient in gradients]
        self._move(gradients, learning_rate)
        return norm

    def _slots(self, suffix: str) -> dict[str, tf.Variable]:
        return {name: tf.Variable(tf.zeros_like(variable), trainable=False, name=name + suffix)
                for name, variable in self._all.items()}

    def _kernels(self) -> list[tf.Variable]:
        return [variable for variable in self.trained if _name(variable).endswith("/W")]


class Sgd(Optimizer):
    """accum = momentum * accum + gradient; variable -= rate * accum (TensorFlow's MomentumOptimizer)."""

    def __init__(
        self, variables: Sequence[tf.Variable], momentum: float, weight_decay: float, clip_norm: float
    ) -> None:
        super().__init__(variables, weight_decay, clip_norm)
        self.momentum = momentum
        self.slots = self._slots("/Momentum")

    def named_slots(self) -> dict[str, tf.Variable]:
        """The momentum of each variable."""
        return {_name(slot): slot for slot in self.slots.values()}

    def decay_cost(self) -> tf.Tensor:
        """weight_decay / 2 * ||W||^2."""
        costs = [tf.nn.l2_loss(kernel) for kernel in self._kernels()]
        return self.weight_decay * tf.add_n(costs) if costs else tf.zeros([])

    def _move(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> None:
        for variable, gradient in zip(self.trained, gradients, strict=True):
            slot = self.slots[_name(variable)]
            tf.raw_ops.ResourceApplyMomentum(var=variable.handle, accum=slot.handle, lr=learning_rate, grad=gradient,
                                             momentum=self.momentum)


class AdamW(Optimizer):
    """Adam with weight decay apart from the gradients (Loshchilov and Hutter 2019)."""

    def __init__(self, variables: Sequence[tf.Variable], weight_decay: float, clip_norm: float) -> None:
        super().__init__(variables, weight_decay, clip_norm)
        self.first, self.second = self._slots("/Adam"), self._slots("/Adam_1")
        self.powers = [tf.Variable(beta, trainable=False, name=f"beta{i}_power")
                       for i, beta in ((1, BETA_1), (2, BETA_2))]

    def named_slots(self) -> dict[str, tf.Variable]:
        """Both moments of each variable, and the powers of beta."""
        return {_name(slot): slot for slot in (*self.first.values(), *self.second.values(), *self.powers)}

    def reset(self) -> None:
        """Forget all steps taken; the bias correction begins anew too."""
        super().reset()
        for power, beta in zip(self.powers, (BETA_1, BETA_2), strict=True):
            power.assign(beta)

    def decay_cost(self) -> tf.Tensor:
        """Nothing: the weights shrink by themselves."""
        return tf.zeros([])

    def _move(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> None:
        for kernel in self._kernels():
            replicas.assign(kernel, kernel - kernel * (learning_rate * self.weight_decay))
        for variable, gradient in zip(self.trained, gradients, strict=True):
            first, second = self.first[_name(variable)], self.second[_name(variable)]
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=first.handle, v=second.handle, beta1_power=self.powers[0].read_value(),
                beta2_power=self.powers[1].read_value(), lr=learning_rate, beta1=BETA_1, beta2=BETA_2,
                epsilon=EPSILON, grad=gradient)
        for power, beta in zip(self.powers, (BETA_1, BETA_2), strict=True):
            replicas.assign(power, power * beta)


def build(config: TrainingConfig, variables: Sequence[tf.Variable]) -> Optimizer:
    """The optimizer that the configuration names."""
    if config.optimizer == "adamw":
        return AdamW(variables, config.weight_decay, config.gradient_clip)
    return Sgd(variables, config.momentum, config.weight_decay, config.gradient_clip)


def _name(variable: tf.Variable) -> str:
    return str(variable.name).removesuffix(":0")
