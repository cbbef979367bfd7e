"""Mask head: a small mask per class for a pooled box (tensorpack's maskrcnn_up4conv_head)."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import MaskHeadConfig
from maskrcnn.model.layers import Conv, Deconv, gaussian, he_fan_in


class MaskHead(tf.Module):
    """3x3 convolutions, one doubling of the resolution, one output a class."""

    def __init__(self, inputs: int, class_count: int, config: MaskHeadConfig) -> None:
        super().__init__()
        self.convolutions = [
            Conv(f"maskrcnn/fcn{i}", inputs if i == 0 else config.channels, config.channels, 3, relu=True,
                 init=he_fan_in)
            for i in range(config.convolutions)
        ]
        self.deconv = Deconv("maskrcnn/deconv", config.channels, config.channels)
        self.output = Conv("maskrcnn/conv", config.channels, class_count, init=gaussian(0.01))

    def __call__(self, pooled: tf.Tensor, class_ids: tf.Tensor) -> tf.Tensor:
        """[R, p, p, C] and class ids [R] from 1 -> logits of that class [R, 2p, 2p], float32."""
        count = tf.shape(pooled)[0]
        # One blank box where there is none: TensorFlow's convolution gets the channels wrong when N is 0.
        blank = tf.cast(count == 0, tf.int32)
        x = tf.pad(pooled, [[0, blank], [0, 0], [0, 0], [0, 0]])
        for convolution in self.convolutions:
            x = convolution(x)
        logits = tf.transpose(self.output(self.deconv(x)), [0, 3, 1, 2])[:count]
        return tf.cast(tf.gather(logits, class_ids - 1, batch_dims=1), tf.float32)
