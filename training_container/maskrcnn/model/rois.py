"""Features of a box: ROIAlign on a feature pyramid, or on c4 with the backbone's last group behind it."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.model.backbone import ResidualGroup
from maskrcnn.model.config import STRIDES, ModelConfig
from maskrcnn.model.layers import never_empty
from maskrcnn.ops import roi_align

C4_POOL_SIZE = 14
"""Bins an axis before the last group, which halves them."""


class PyramidRois(tf.Module):
    """ROIAlign on the level of p2 to p5 that fits a box, with other sizes for the box head and the mask head."""

    shared = False
    """Whether both heads see the same features."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.channels = config.fpn_channels
        self.mask_size = config.mask.pool_size * 2

    def for_boxes(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor, *,
                  training: bool = False) -> tf.Tensor:
        """Boxes [R, 4] of the given images [R] -> [R, p, p, channels] for the box head."""
        del training  # nothing here learns
        return self._pool(levels, boxes, images, self.config.box.pool_size)

    def for_masks(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """The same for the mask head."""
        return self._pool(levels, boxes, images, self.config.mask.pool_size)

    def _pool(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor, size: int) -> tf.Tensor:
        return roi_align.pyramid_roi_align(levels[:4], STRIDES[:4], boxes, images, size, self.config.roi_samples)


class C4Rois(tf.Module):
    """ROIAlign on c4, then the last residual group: its features serve both heads (Ren et al. 2015, He et al. 2017)."""

    shared = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.group = ResidualGroup(3, config.backbone, odd_sizes=True)
        self.channels = self.group.channels
        self.mask_size = C4_POOL_SIZE

    def for_boxes(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor, *,
                  training: bool = False) -> tf.Tensor:
        """Boxes [R, 4] of the given images [R] -> [R, 7, 7, channels]."""
        stride = self.config.rpn.anchor_stride_px
        crops = roi_align.roi_align(levels[0], boxes / stride, images, C4_POOL_SIZE, self.config.roi_samples)
        crops, count = never_empty(tf.cast(crops, levels[0].dtype))
        crops = tf.ensure_shape(crops, [None, C4_POOL_SIZE, C4_POOL_SIZE, levels[0].shape[-1]])
        return self.group(crops, training=training)[:count]

    def for_masks(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """The same features."""
        return self.for_boxes(levels, boxes, images)
