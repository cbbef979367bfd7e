"""ResNet (He et al. 2015) as tensorpack builds it; BackboneConfig says where its strides and paddings sit."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import BackboneConfig
from maskrcnn.model.extents import Extents
from maskrcnn.model.layers import Conv, Initializer, he_fan_out, stride_2_padding, without_last

EXPANSION = 4
AFFINE = ("/gamma", "/beta")


class Bottleneck(tf.Module):
    """1x1, 3x3, 1x1 beside a shortcut.

    Args:
        scope: Name of the variables.
        inputs: Channels in.
        width: Channels of the 3x3; four times as many come out.
        stride: 1 or 2.
        config: Of the whole backbone.
        odd_sizes: The map may have odd sides: the 1x1 with stride 2 then makes H // 2 of H, as the padded 3x3 does.
    """

    def __init__(self, scope: str, inputs: int, width: int, stride: int, config: BackboneConfig, *,
                 odd_sizes: bool = False) -> None:
        super().__init__()
        norm, outputs = config.norm, width * EXPANSION
        first, second = (stride, 1) if config.stride_in_1x1 else (1, stride)
        self.trims = odd_sizes and stride == 2 and config.padding != "symmetric"
        self.trims_first = self.trims and config.stride_in_1x1
        # A zero last scale makes a new block the identity, so that deep nets start to learn at once.
        last: Initializer = tf.zeros if norm == "None" else he_fan_out
        self.conv1 = Conv(f"{scope}/conv1", inputs, width, stride=first, norm=norm, relu=True)
        self.conv2 = Conv(f"{scope}/conv2", width, width, 3, stride=second, padding=config.padding, norm=norm,
                          relu=True)
        self.conv3 = Conv(f"{scope}/conv3", width, outputs, norm=norm, gamma=0.0, init=last)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = Conv(f"{scope}/convshortcut", inputs, outputs, stride=stride, norm=norm)

    def __call__(self, x: tf.Tensor, *, training: bool, extents: Extents | None = None) -> tf.Tensor:
        """[N, H, W, inputs] -> [N, H / stride, W / stride, 4 * width]."""
        y = self.conv1(without_last(x) if self.trims_first else x, training=training, extents=extents)
        y = self.conv2(y, training=training, extents=extents)
        y = self.conv3(y, training=training, extents=extents)
        return tf.nn.relu(y + self._shortcut(x, training, extents))

    def _shortcut(self, x: tf.Tensor, training: bool, extents: Extents | None) -> tf.Tensor:
        if not self.shortcut:
            return x
        return self.shortcut(without_last(x) if self.trims else x, training=training, extents=extents)


class ResidualGroup(tf.Module):
    """The bottlenecks of one resolution: group 0 at stride 4, each further one at half the resolution before it.

    Args:
        index: 0 to 3.
        config: Of the whole backbone.
        odd_sizes: As for Bottleneck.
    """

    def __init__(self, index: int, config: BackboneConfig, *, odd_sizes: bool = False) -> None:
        super().__init__()
        width = config.width * 2**index
        self.channels = width * EXPANSION
        first = config.stem_channels if index == 0 else self.channels // 2
        self.blocks = [
            Bottleneck(f"group{index}/block{number}", self.channels if number else first, width,
                       2 if index > 0 and number == 0 else 1, config, odd_sizes=odd_sizes)
            for number in range(config.blocks[index])
        ]

    def __call__(self, x: tf.Tensor, *, training: bool, extents: Extents | None = None) -> tf.Tensor:
        """[N, H, W, channels of the group before] -> [N, H / 2, W / 2, channels]; group 0 keeps H and W."""
        for block in self.blocks:
            x = block(x, training=training, extents=extents)
        return x


class ResNet(tf.Module):
    """Stem and the first groups of bottlenecks.

    Args:
        config: Its shape.
        groups: How many groups: 4 for a feature pyramid, 3 for a C4 model.
        odd_sizes: Images are not padded to multiples of 32.
    """

    def __init__(self, config: BackboneConfig, groups: int = 4, *, odd_sizes: bool = False) -> None:
        super().__init__()
        self.config = config
        self.stem = Conv("conv0", 3, config.stem_channels, 7, stride=2, padding=config.padding, norm=config.norm,
                         relu=True)
        self.groups = [ResidualGroup(index, config, odd_sizes=odd_sizes) for index in range(groups)]
        side = stride_2_padding(3, config.padding)
        self.pool_padding = [[0, 0], side, side, [0, 0]]

    @property
    def channels(self) -> list[int]:
        """Channels of c2, c3 and so on."""
        return [group.channels for group in self.groups]

    def frozen(self) -> list[tf.Variable]:
        """Variables that freeze_at takes out of training."""
        parts: list[tf.Module] = [self.stem] if self.config.freeze_at >= 1 else []
        parts.extend(self.groups[: max(self.config.freeze_at - 1, 0)])
        return [variable for part in parts for variable in part.trainable_variables]

    def __call__(self, images: tf.Tensor, *, training: bool = False, extents: Extents | None = None) -> list[tf.Tensor]:
        """Normalised images [N, H, W, 3] -> c2, c3 and so on at strides 4, 8, 16, 32."""
        x = self.stem(images, training=training and self.config.freeze_at < 1, extents=extents)
        x = extents.blank(x) if extents else x
        x = tf.nn.max_pool2d(tf.pad(x, self.pool_padding), 3, 2, "VALID")
        features = []
        for index, group in enumerate(self.groups):
            live = self.config.freeze_at < index + 2
            x = group(x, training=training and live, extents=extents)
            if not live:
                x = tf.stop_gradient(x)
            features.append(x)
        return features


def affine_of(module: tf.Module) -> list[tf.Variable]:
    """Scales and shifts of the normalisations of a module."""
    return [v for v in module.trainable_variables if v.name.removesuffix(":0").endswith(AFFINE)]
