"""Region proposal network head (Ren et al. 2015), shared by all feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.config import RpnConfig
from maskrcnn.model.layers import Conv, gaussian, he_fan_in
from maskrcnn.ops import neighbourhoods

RARE = -4.6
"""Initial logit for focal loss: every anchor is an object with probability 0.01 (Lin et al. 2017, section 3.3)."""


class RpnLevel(NamedTuple):
    """Outputs on one level, float32; anchors run row by row, the anchor of a cell innermost."""

    logits: tf.Tensor
    """[B, N]"""
    deltas: tf.Tensor
    """[B, N, 4]"""


class RpnHead(tf.Module):
    """3x3 convolution, then objectness and box of each anchor.

    Args:
        inputs: Channels of the map.
        channels: Channels of the 3x3.
        anchors: Anchors a feature pixel.
        config: Its loss decides the initial logits.
    """

    def __init__(self, inputs: int, channels: int, anchors: int, config: RpnConfig) -> None:
        super().__init__()
        self.config = config
        self.conv = Conv("rpn/conv0", inputs, channels, 3, relu=True, init=he_fan_in)
        rare = RARE if config.loss == "focal" else 0.0
        self.logits = Conv("rpn/class", channels, anchors, init=gaussian(0.01), initial_bias=rare)
        self.deltas = Conv("rpn/box", channels, anchors * 4, init=gaussian(0.01))

    def __call__(self, features: tf.Tensor) -> RpnLevel:
        """Run on one level [B, H, W, C]."""
        hidden = self.conv(features)
        batch = tf.shape(features)[0]
        logits = tf.cast(self.logits(hidden), tf.float32)
        deltas = tf.cast(self.deltas(hidden), tf.float32)
        count = tf.size(logits) // batch
        return RpnLevel(tf.reshape(logits, [batch, count]), tf.reshape(deltas, [batch, count, 4]))

    def at(self, levels: Sequence[tf.Tensor], images: tf.Tensor, anchors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits [S] and deltas [S, 4] of single anchors: what running on the whole levels gives, at less cost.

        A loss over a sample of anchors needs no gradient through all the others.

        Args:
            levels: Features [B, H, W, C].
            images: [S] int32, image of each anchor.
            anchors: [S] int32, counted through all levels in turn.
        """
        count = self.logits.kernel.shape[-1]
        hidden = self.conv.at_patches(neighbourhoods.gather_3x3(levels, images, anchors // count))
        logits = tf.cast(self.logits.at_patches(hidden), tf.float32)
        deltas = tf.reshape(tf.cast(self.deltas.at_patches(hidden), tf.float32), [-1, count, 4])
        which = anchors % count
        return tf.gather(logits, which, batch_dims=1), tf.gather(deltas, which, batch_dims=1)
