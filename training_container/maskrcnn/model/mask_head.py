"""Mask head: a small mask per class for a pooled box (tensorpack's maskrcnn_upXconv_head)."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import MaskHeadConfig
from maskrcnn.model.layers import Conv, Deconv, GroupNorm, gaussian, he_fan_in, never_empty


class MaskHead(tf.Module):
    """3x3 convolutions, one doubling of the resolution, one output a class.

    Args:
        inputs: Channels of the pooled features.
        class_count: Classes without background.
        config: Its shape; a normalisation comes after the relu, as in tensorpack.
        bare: Without convolutions, on features that are deep already: in a C4 model.
    """

    def __init__(self, inputs: int, class_count: int, config: MaskHeadConfig, *,
                 bare: bool = False) -> None:
        super().__init__()
        count, channels = 0 if bare else config.convolutions, config.channels
        self.convolutions = [Conv(f"maskrcnn/fcn{i}", channels if i else inputs, channels, 3, relu=True, init=he_fan_in)
                             for i in range(count)]
        self.norms = [GroupNorm(f"maskrcnn/gn{i}", channels) for i in range(count) if config.norm == "GN"]
        self.deconv = Deconv("maskrcnn/deconv", channels if count else inputs, channels)
        self.output = Conv("maskrcnn/conv", channels, class_count, init=gaussian(0.01))

    def __call__(self, pooled: tf.Tensor, class_ids: tf.Tensor) -> tf.Tensor:
        """[R, p, p, C] and class ids [R] from 1 -> logits of that class [R, 2p, 2p], float32."""
        x, count = never_empty(pooled)
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = self.norms[index](x) if self.norms else x
        logits = tf.transpose(self.output(self.deconv(x)), [0, 3, 1, 2])[:count]
        return tf.cast(tf.gather(logits, class_ids - 1, batch_dims=1), tf.float32)
