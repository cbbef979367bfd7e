"""Box heads: class and refined box of a proposal from its pooled features."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import BoxHeadConfig
from maskrcnn.model.layers import Conv, Dense, GroupNorm, gaussian, never_empty

HEAD_CONVOLUTIONS = 4


class TwoLayers(tf.Module):
    """Two fully connected layers (tensorpack's fastrcnn_2fc_head)."""

    def __init__(self, scope: str, inputs: int, config: BoxHeadConfig) -> None:
        super().__init__()
        self.channels = config.channels
        self.fc6 = Dense(f"{scope}/fc6", config.pool_size**2 * inputs, config.channels, relu=True)
        self.fc7 = Dense(f"{scope}/fc7", config.channels, config.channels, relu=True)

    def __call__(self, pooled: tf.Tensor) -> tf.Tensor:
        """[R, p, p, inputs] -> [R, channels]."""
        return self.fc7(self.fc6(_flat(pooled)))


class FourConvolutions(tf.Module):
    """Four 3x3 convolutions and a fully connected layer (tensorpack's fastrcnn_4conv1fc_head and its gn variant).

    The normalisation comes after the relu, as there.
    """

    def __init__(self, scope: str, inputs: int, config: BoxHeadConfig) -> None:
        super().__init__()
        width = config.conv_channels
        self.channels = config.channels
        self.convolutions = [Conv(f"{scope}/conv{i}", width if i else inputs, width, 3, relu=True)
                             for i in range(HEAD_CONVOLUTIONS)]
        self.norms = [GroupNorm(f"{scope}/gn{i}", width) for i in range(HEAD_CONVOLUTIONS) if config.norm == "GN"]
        self.fc = Dense(f"{scope}/fc", config.pool_size**2 * width, config.channels, relu=True)

    def __call__(self, pooled: tf.Tensor) -> tf.Tensor:
        """[R, p, p, inputs] -> [R, channels]."""
        x, count = never_empty(pooled)
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = self.norms[index](x) if self.norms else x
        return self.fc(_flat(x))[:count]


class Mean(tf.Module):
    """Average over the box: what a C4 model puts on the features of its last residual group."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def __call__(self, pooled: tf.Tensor) -> tf.Tensor:
        """[R, p, p, channels] -> [R, channels]."""
        return tf.reduce_mean(pooled, [1, 2])


class BoxHead(tf.Module):
    """Layers, then class scores with background 0, and a box for each class or one for all.

    Args:
        scope: Name of the output variables.
        layers: From pooled features to a vector of `layers.channels`.
        class_count: Classes without background.
        class_agnostic: One box whatever the class, as in a cascade.
    """

    def __init__(self, scope: str, layers: TwoLayers | FourConvolutions | Mean, class_count: int, *,
                 class_agnostic: bool = False) -> None:
        super().__init__()
        self.layers = layers
        self.box_classes = 1 if class_agnostic else class_count + 1
        self.classes = Dense(f"{scope}/class", layers.channels, class_count + 1, init=gaussian(0.01))
        self.boxes = Dense(f"{scope}/box", layers.channels, self.box_classes * 4, init=gaussian(0.001))

    def __call__(self, pooled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[R, p, p, C] -> logits [R, classes + 1] and deltas [R, classes + 1 or 1, 4], float32."""
        hidden = self.layers(pooled)
        deltas = tf.reshape(tf.cast(self.boxes(hidden), tf.float32), [-1, self.box_classes, 4])
        return tf.cast(self.classes(hidden), tf.float32), deltas


def head_layers(scope: str, inputs: int, config: BoxHeadConfig) -> TwoLayers | FourConvolutions:
    """The layers that the configuration names."""
    kind = FourConvolutions if config.head == "4conv1fc" else TwoLayers
    return kind(scope, inputs, config)


def _flat(pooled: tf.Tensor) -> tf.Tensor:
    return tf.reshape(pooled, [-1, pooled.shape[1] * pooled.shape[2] * pooled.shape[3]])
