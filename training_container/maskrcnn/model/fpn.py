"""Feature pyramid network (Lin et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from maskrcnn.model.config import HeadNorm
from maskrcnn.model.extents import Extents
from maskrcnn.model.layers import Conv, GroupNorm, lecun


class FeaturePyramid(tf.Module):
    """p2 to p6 from c2 to c5.

    Args:
        inputs: Channels of c2 to c5.
        channels: Channels of each level.
        norm: Of the lateral sums' inputs and of the outputs.
    """

    def __init__(self, inputs: Sequence[int], channels: int, norm: HeadNorm = "None") -> None:
        super().__init__()
        self.laterals = [Conv(f"fpn/lateral_1x1_c{i + 2}", count, channels, init=lecun)
                         for i, count in enumerate(inputs)]
        self.outputs = [Conv(f"fpn/posthoc_3x3_p{i + 2}", channels, channels, 3, init=lecun)
                        for i in range(len(inputs))]
        normed = range(len(inputs)) if norm == "GN" else ()
        self.lateral_norms = [GroupNorm(f"fpn/gn_c{i + 2}", channels) for i in normed]
        self.output_norms = [GroupNorm(f"fpn/gn_p{i + 2}", channels) for i in normed]

    def __call__(self, features: Sequence[tf.Tensor], extents: Extents | None = None) -> list[tf.Tensor]:
        """Each level takes in the coarser ones; p6 is every other pixel of p5."""
        sums = [lateral(feature) for lateral, feature in zip(self.laterals, features, strict=True)]
        sums = _normalized(self.lateral_norms, sums, extents)
        for index in reversed(range(len(sums) - 1)):
            sums[index] += upsample(sums[index + 1])
        levels = [output(level, extents=extents) for output, level in zip(self.outputs, sums, strict=True)]
        levels = _normalized(self.output_norms, levels, extents)
        return [*levels, levels[-1][:, ::2, ::2, :]]


def _normalized(norms: Sequence[GroupNorm], maps: list[tf.Tensor], extents: Extents | None) -> list[tf.Tensor]:
    return [norm(x, extents) for norm, x in zip(norms, maps, strict=True)] if norms else maps


@tf.custom_gradient
def upsample(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Every pixel twice in both directions."""
    shape = tf.shape(x)
    channels = x.shape[-1]
    # Not x[:, :, None, :, None, :]: LiteRT slices no more than five dimensions.
    apart = tf.reshape(x, [shape[0], shape[1], 1, shape[2], 1, channels])
    tiled = tf.tile(apart, [1, 1, 2, 1, 2, 1])

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # The sum of each 2x2 block; the gradient of tile adds them up many times slower.
        return tf.nn.avg_pool2d(upstream, 2, 2, "VALID") * tf.constant(4.0, x.dtype)

    return tf.reshape(tiled, [shape[0], shape[1] * 2, shape[2] * 2, channels]), gradient
