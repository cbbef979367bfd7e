"""ResNet (He et al. 2015) as tensorpack builds it: stride in the 3x3, padding aligned before the image."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import BackboneConfig
from maskrcnn.model.layers import Conv

EXPANSION = 4


class Bottleneck(tf.Module):
    """1x1, 3x3, 1x1 beside a shortcut."""

    def __init__(self, scope: str, inputs: int, width: int, stride: int, config: BackboneConfig) -> None:
        super().__init__()
        norm, outputs = config.norm, width * EXPANSION
        # A zero last scale makes a new block the identity, so that deep nets start to learn at once.
        self.conv1 = Conv(f"{scope}/conv1", inputs, width, norm=norm, relu=True)
        self.conv2 = Conv(f"{scope}/conv2", width, width, 3, stride=stride, norm=norm, relu=True)
        self.conv3 = Conv(f"{scope}/conv3", width, outputs, norm=norm, gamma=0.0)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = Conv(f"{scope}/convshortcut", inputs, outputs, stride=stride, norm=norm)

    def __call__(self, x: tf.Tensor, *, training: bool) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, H / stride, W / stride, 4 * width]."""
        y = self.conv1(x, training=training)
        y = self.conv2(y, training=training)
        y = self.conv3(y, training=training)
        return tf.nn.relu(y + (self.shortcut(x, training=training) if self.shortcut else x))


class ResNet(tf.Module):
    """Stem and four groups of bottlenecks."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = Conv("conv0", 3, config.stem_channels, 7, stride=2, norm=config.norm, relu=True)
        self.groups: list[list[Bottleneck]] = []
        inputs = config.stem_channels
        for index, count in enumerate(config.blocks):
            width = config.width * 2**index
            blocks = []
            for number in range(count):
                stride = 2 if index > 0 and number == 0 else 1
                blocks.append(Bottleneck(f"group{index}/block{number}", inputs, width, stride, config))
                inputs = width * EXPANSION
            self.groups.append(blocks)

    @property
    def channels(self) -> list[int]:
        """Channels of c2 to c5."""
        return [self.config.width * EXPANSION * 2**index for index in range(len(self.config.blocks))]

    def frozen(self) -> list[tf.Variable]:
        """Variables that freeze_at takes out of training."""
        parts: list[tf.Module] = [self.stem] if self.config.freeze_at >= 1 else []
        for group in self.groups[: max(self.config.freeze_at - 1, 0)]:
            parts.extend(group)
        return [variable for part in parts for variable in part.trainable_variables]

    def __call__(self, images: tf.Tensor, *, training: bool = False) -> list[tf.Tensor]:
        """Normalised images [N, H, W, 3], H and W multiples of 32 -> c2 to c5 at strides 4, 8, 16, 32."""
        x = self.stem(images, training=training and self.config.freeze_at < 1)
        x = tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 0], [1, 0], [0, 0]]), 3, 2, "VALID")
        features = []
        for index, group in enumerate(self.groups):
            live = self.config.freeze_at < index + 2
            for block in group:
                x = block(x, training=training and live)
            if not live:
                x = tf.stop_gradient(x)
            features.append(x)
        return features
