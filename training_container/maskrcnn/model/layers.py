"""Convolution, dense layer and the normalisations. Layers compute in the type of their input.

Variables are float32 and carry tensorpack's names (`group0/block0/conv1/W`), so that weights can be exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from maskrcnn.distribution import batch_norm, replicas
from maskrcnn.model.config import Norm, Padding
from maskrcnn.model.extents import Extents

EPSILON = 1e-5
BN_MOMENTUM = 0.9
GROUPS = 32

Initializer = Callable[[tuple[int, ...]], tf.Tensor]


def he_fan_out(shape: tuple[int, ...]) -> tf.Tensor:
    """He et al. 2015 for convolutions that a relu follows: variance 2 / (kernel area * outputs)."""
    return tf.random.normal(shape, stddev=(2.0 / (shape[0] * shape[1] * shape[3])) ** 0.5)


def lecun(shape: tuple[int, ...]) -> tf.Tensor:
    """Variance 1 / inputs: keeps the scale of linear layers."""
    return tf.random.normal(shape, stddev=(1.0 / _fan_in(shape)) ** 0.5)


def he_fan_in(shape: tuple[int, ...]) -> tf.Tensor:
    """Variance 2 / inputs: keeps the scale before a relu."""
    return tf.random.normal(shape, stddev=(2.0 / _fan_in(shape)) ** 0.5)


def gaussian(deviation: float) -> Initializer:
    """Normal values with a fixed deviation."""
    return lambda shape: tf.random.normal(shape, stddev=deviation)


def _fan_in(shape: tuple[int, ...]) -> int:
    fan = 1
    for side in shape[:-1]:
        fan *= side
    return fan


class FrozenBatchNorm(tf.Module):
    """Batch norm with fixed statistics (FreezeBN): a scale and a shift, folded into the convolution before it."""

    def __init__(self, scope: str, channels: int, gamma: float = 1.0) -> None:
        super().__init__()
        self.gamma = tf.Variable(tf.fill([channels], gamma), name=f"{scope}/gamma")
        self.beta = tf.Variable(tf.zeros([channels]), name=f"{scope}/beta")
        self.mean = tf.Variable(tf.zeros([channels]), trainable=False, name=f"{scope}/mean/EMA")
        self.variance = tf.Variable(tf.ones([channels]), trainable=False, name=f"{scope}/variance/EMA")

    def scale_and_shift(self) -> tuple[tf.Tensor, tf.Tensor]:
        """What the normalisation multiplies by, and what it adds then."""
        scale = self.gamma * tf.math.rsqrt(self.variance + EPSILON)
        return scale, self.beta - self.mean * scale


class BatchNorm(FrozenBatchNorm):
    """Batch norm with the statistics of the joint batch of all devices in training (SyncBN)."""

    frozen = False
    """In training too, normalise by the running statistics and leave them."""

    def train(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise by the batch and let the running statistics follow, unless frozen."""
        if self.frozen:
            scale, shift = self.scale_and_shift()
            return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)
        if replicas.count() == 1:
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, self.gamma, self.beta, epsilon=EPSILON)
        else:
            y, mean, variance = batch_norm.normalized(x, self.gamma, self.beta, EPSILON)
        replicas.assign(self.mean, self.mean - (self.mean - mean) * (1.0 - BN_MOMENTUM))
        replicas.assign(self.variance, self.variance - (self.variance - variance) * (1.0 - BN_MOMENTUM))
        return y


class GroupNorm(tf.Module):
    """Group norm (Wu and He 2018): statistics of an image over 32 groups of channels, or as many as divide them."""

    def __init__(self, scope: str, channels: int, gamma: float = 1.0) -> None:
        super().__init__()
        self.groups = math.gcd(GROUPS, channels)
        self.gamma = tf.Variable(tf.fill([channels], gamma), name=f"{scope}/gamma")
        self.beta = tf.Variable(tf.zeros([channels]), name=f"{scope}/beta")

    def __call__(self, x: tf.Tensor, extents: Extents | None = None) -> tf.Tensor:
        """Normalise [N, H, W, C]; statistics in float32, over each image's own extent."""
        channels = x.shape[-1]
        seen, share = (extents.blank(x), extents.share(x)) if extents else (x, 1.0)
        mean, square = (self._group_mean(tf.cast(v, tf.float32)) * share
                        for v in (seen, tf.square(tf.cast(seen, tf.float32))))
        scale = tf.math.rsqrt(tf.maximum(square - mean * mean, 0.0) + EPSILON)
        scale = tf.reshape(tf.repeat(scale, channels // self.groups, 1), [-1, 1, 1, channels]) * self.gamma
        shift = self.beta - tf.reshape(tf.repeat(mean, channels // self.groups, 1), [-1, 1, 1, channels]) * scale
        return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)

    def _group_mean(self, x: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(x, [1, 2])
        return tf.reduce_mean(tf.reshape(mean, [-1, self.groups, x.shape[-1] // self.groups]), 2)


def norm_layer(norm: Norm, scope: str, channels: int, gamma: float = 1.0) -> tf.Module | None:
    """The normalisation with this name, under tensorpack's variable names."""
    match norm:
        case "FreezeBN":
            return FrozenBatchNorm(f"{scope}/bn", channels, gamma)
        case "SyncBN":
            return BatchNorm(f"{scope}/bn", channels, gamma)
        case "GN":
            return GroupNorm(f"{scope}/gn", channels, gamma)
        case "None":
            return None


def stride_2_padding(kernel: int, padding: Padding) -> list[int]:
    """Zeros [before, after] one axis for a window of `kernel` pixels with stride 2; see BackboneConfig.padding."""
    spare = kernel - 2
    match padding:
        case "aligned":
            return [(spare + 1) // 2, spare // 2]
        case "same":
            return [spare // 2, (spare + 1) // 2]
        case "symmetric":
            return [kernel // 2, kernel // 2]


def without_last(x: tf.Tensor) -> tf.Tensor:
    """[N, H, W, C] without its last row and column: then every other pixel of H is H // 2, also for an odd H."""
    return x[:, :-1, :-1]


class Conv(tf.Module):
    """Convolution with a bias or a normalisation, and perhaps a relu.

    Args:
        scope: Name of the variables.
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel.
        stride: 1 or 2.
        padding: Where a stride-2 kernel begins.
        norm: Normalisation instead of a bias ("None": neither), or None for a plain bias.
        gamma: Initial scale of the normalisation.
        relu: Rectify the result.
        init: Initial kernel.
        initial_bias: Initial value of the bias.
    """

    def __init__(self, scope: str, inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1,
                 padding: Padding = "aligned", norm: Norm | None = None, gamma: float = 1.0, relu: bool = False,
                 init: Initializer = he_fan_out, initial_bias: float = 0.0) -> None:
        super().__init__()
        self.kernel = tf.Variable(init((kernel, kernel, inputs, outputs)), name=f"{scope}/W")
        self.norm = norm_layer(norm, scope, outputs, gamma) if norm else None
        self.bias = None if norm else tf.Variable(tf.fill([outputs], initial_bias), name=f"{scope}/b")
        self.stride, self.relu = stride, relu
        side = stride_2_padding(kernel, padding)
        # tf.pad, not the convolution's own explicit padding: its gradient is 30 times slower on a CPU.
        self.padding = [[0, 0], side, side, [0, 0]] if stride == 2 and kernel > 1 else None

    def __call__(self, x: tf.Tensor, *, training: bool = False, extents: Extents | None = None) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, H / stride, W / stride, outputs]; extents: of images that differ in size."""
        if extents and self.kernel.shape[0] > 1:
            x = extents.blank(x)
        kernel, shift = self.kernel, self.bias
        live_norm = self.norm if isinstance(self.norm, BatchNorm) and training else None
        if isinstance(self.norm, FrozenBatchNorm) and not live_norm:
            scale, shift = self.norm.scale_and_shift()
            kernel = kernel * scale
        if self.padding:
            x = tf.pad(x, self.padding)
        y = tf.nn.conv2d(x, tf.cast(kernel, x.dtype), self.stride, "VALID" if self.padding else "SAME")
        if shift is not None:
            y = tf.nn.bias_add(y, tf.cast(shift, x.dtype))
        if live_norm:
            y = live_norm.train(y)
        elif isinstance(self.norm, GroupNorm):
            y = self.norm(y, extents)
        return tf.nn.relu(y) if self.relu else y

    def at_patches(self, patches: tf.Tensor) -> tf.Tensor:
        """The result at single pixels, [S, kernel * kernel * inputs] -> [S, outputs]; for layers with a bias."""
        kernel = tf.reshape(tf.cast(self.kernel, patches.dtype), [-1, self.kernel.shape[-1]])
        y = tf.nn.bias_add(tf.matmul(patches, kernel), tf.cast(self.bias, patches.dtype))
        return tf.nn.relu(y) if self.relu else y


class Dense(tf.Module):
    """Fully connected layer, [N, inputs] -> [N, outputs]."""

    def __init__(self, scope: str, inputs: int, outputs: int, *, relu: bool = False,
                 init: Initializer = he_fan_in) -> None:
        super().__init__()
        self.kernel = tf.Variable(init((inputs, outputs)), name=f"{scope}/W")
        self.bias = tf.Variable(tf.zeros([outputs]), name=f"{scope}/b")
        self.relu = relu

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Multiply, add the bias, rectify."""
        y = tf.nn.bias_add(tf.matmul(x, tf.cast(self.kernel, x.dtype)), tf.cast(self.bias, x.dtype))
        return tf.nn.relu(y) if self.relu else y


class Deconv(tf.Module):
    """2x2 transposed convolution with stride 2 and a relu; kernel [2, 2, outputs, inputs].

    Its windows do not overlap, so a matrix product and a depth-to-space do the same, faster.
    """

    def __init__(self, scope: str, inputs: int, outputs: int) -> None:
        super().__init__()
        deviation = (2.0 / inputs) ** 0.5
        self.kernel = tf.Variable(gaussian(deviation)((2, 2, outputs, inputs)), name=f"{scope}/W")
        self.bias = tf.Variable(tf.zeros([outputs]), name=f"{scope}/b")

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, 2H, 2W, outputs]."""
        inputs, outputs = x.shape[-1], self.bias.shape[0]
        kernel = tf.reshape(tf.transpose(tf.cast(self.kernel, x.dtype), [3, 0, 1, 2]), [inputs, 4 * outputs])
        shape = tf.shape(x)
        # A matrix product and not a convolution: TensorFlow's gets the channels wrong when N is 0.
        pixels = tf.matmul(tf.reshape(x, [shape[0] * shape[1] * shape[2], inputs]), kernel)
        y = tf.nn.depth_to_space(tf.reshape(pixels, [shape[0], shape[1], shape[2], 4 * outputs]), 2)
        return tf.nn.relu(tf.nn.bias_add(y, tf.cast(self.bias, x.dtype)))


def never_empty(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """[N, H, W, C] with one blank map where there is none, and N: what comes out is cut back to N.

    TensorFlow's convolution gets the channels wrong when N is 0.
    """
    count = tf.shape(x)[0]
    return tf.pad(x, [[0, tf.cast(count == 0, tf.int32)], [0, 0], [0, 0], [0, 0]]), count
