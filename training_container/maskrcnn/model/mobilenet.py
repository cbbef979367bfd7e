"""MobileNetV2 (Sandler et al. 2018) as a backbone: little arithmetic, activations from 0 to 6."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import BackboneConfig, Norm, Padding
from maskrcnn.model.extents import Extents
from maskrcnn.model.layers import BatchNorm, Conv, FrozenBatchNorm, GroupNorm, lecun, norm_layer, stride_2_padding

GROUPS = (
    ((1, 16, 1, 1), (6, 24, 2, 2)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)
"""Of each resolution, strides 4 to 32: (expansion, channels, blocks, stride of the first) of table 2 in the paper."""
STEM_CHANNELS = 32
DIVISOR = 8
"""Channels are multiples of it at every width, as in the authors' code."""


def channels(base: int, width: float) -> int:
    """Channels at a width: the nearest multiple of 8, and never less than nine tenths of what was asked for."""
    asked = base * width
    rounded = max(int(asked + DIVISOR / 2) // DIVISOR * DIVISOR, DIVISOR)
    return rounded if rounded >= 0.9 * asked else rounded + DIVISOR


class DepthwiseConv(tf.Module):
    """3x3 convolution of each channel by itself, with a normalisation.

    Args:
        scope: Name of the variables; kernel [3, 3, inputs, 1].
        inputs: Channels.
        stride: 1 or 2.
        padding: Where a stride-2 kernel begins.
        norm: Normalisation.
    """

    def __init__(self, scope: str, inputs: int, stride: int, padding: Padding, norm: Norm) -> None:
        super().__init__()
        deviation = (2.0 / 9.0) ** 0.5
        self.kernel = tf.Variable(tf.random.normal((3, 3, inputs, 1), stddev=deviation), name=f"{scope}/W")
        self.norm = norm_layer(norm, scope, inputs)
        self.stride = stride
        side = stride_2_padding(3, padding)
        self.padding = [[0, 0], side, side, [0, 0]] if stride == 2 else None

    def __call__(self, x: tf.Tensor, *, training: bool = False, extents: Extents | None = None) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, H / stride, W / stride, inputs]; extents: of images that differ in size."""
        x = extents.blank(x) if extents else x
        kernel, shift = self.kernel, None
        live_norm = self.norm if isinstance(self.norm, BatchNorm) and training else None
        if isinstance(self.norm, FrozenBatchNorm) and not live_norm:
            scale, shift = self.norm.scale_and_shift()
            kernel = kernel * scale[:, None]
        if self.padding:
            x = tf.pad(x, self.padding)
        strides = [1, self.stride, self.stride, 1]
        y = tf.nn.depthwise_conv2d(x, tf.cast(kernel, x.dtype), strides, "VALID" if self.padding else "SAME")
        if shift is not None:
            y = tf.nn.bias_add(y, tf.cast(shift, x.dtype))
        if live_norm:
            return live_norm.train(y)
        return self.norm(y, extents) if isinstance(self.norm, GroupNorm) else y


class InvertedResidual(tf.Module):
    """1x1 to many channels, 3x3 of each, 1x1 to few; the input is added where the shape stays (section 3.3).

    Args:
        scope: Name of the variables.
        inputs: Channels in.
        outputs: Channels out.
        expansion: Many is so many times the inputs; 1: no first 1x1.
        stride: 1 or 2.
        config: Of the whole backbone.
    """

    def __init__(self, scope: str, inputs: int, outputs: int, expansion: int, stride: int,
                 config: BackboneConfig) -> None:
        super().__init__()
        hidden, norm = inputs * expansion, config.norm
        self.expand = Conv(f"{scope}/expand", inputs, hidden, norm=norm) if expansion > 1 else None
        self.depthwise = DepthwiseConv(f"{scope}/depthwise", hidden, stride, config.padding, norm)
        self.project = Conv(f"{scope}/project", hidden, outputs, norm=norm, init=lecun)
        self.adds = stride == 1 and inputs == outputs

    def __call__(self, x: tf.Tensor, *, training: bool, extents: Extents | None = None) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, H / stride, W / stride, outputs]; nothing is rectified where few channels are."""
        y = tf.nn.relu6(self.expand(x, training=training, extents=extents)) if self.expand else x
        y = tf.nn.relu6(self.depthwise(y, training=training, extents=extents))
        y = self.project(y, training=training, extents=extents)
        return x + y if self.adds else y


class MobileNetV2(tf.Module):
    """Stem and four groups of inverted residuals, for a feature pyramid.

    Args:
        config: Its width, normalisation and padding.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        inputs = channels(STEM_CHANNELS, config.mobilenet_width)
        self.stem = Conv("conv0", 3, inputs, 3, stride=2, padding=config.padding, norm=config.norm)
        self.groups: list[list[InvertedResidual]] = []
        for index, rows in enumerate(GROUPS):
            group: list[InvertedResidual] = []
            for expansion, base, count, stride in rows:
                outputs = channels(base, config.mobilenet_width)
                for number in range(count):
                    group.append(InvertedResidual(f"group{index}/block{len(group)}", inputs, outputs, expansion,
                                                  1 if number else stride, config))
                    inputs = outputs
            self.groups.append(group)

    @property
    def channels(self) -> list[int]:
        """Channels of c2 to c5."""
        return [channels(rows[-1][1], self.config.mobilenet_width) for rows in GROUPS]

    def frozen(self) -> list[tf.Variable]:
        """Variables that freeze_at takes out of training."""
        parts: list[tf.Module] = [self.stem] if self.config.freeze_at >= 1 else []
        for group in self.groups[: max(self.config.freeze_at - 1, 0)]:
            parts.extend(group)
        return [variable for part in parts for variable in part.trainable_variables]

    def __call__(self, images: tf.Tensor, *, training: bool = False, extents: Extents | None = None) -> list[tf.Tensor]:
        """Normalised images [N, H, W, 3] -> c2, c3, c4, c5 at strides 4, 8, 16, 32."""
        live = self.config.freeze_at < 1
        x = tf.nn.relu6(self.stem(images, training=training and live, extents=extents))
        features = []
        for index, group in enumerate(self.groups):
            live = self.config.freeze_at < index + 2
            for block in group:
                x = block(x, training=training and live, extents=extents)
            if not live:
                x = tf.stop_gradient(x)
            features.append(x)
        return features
