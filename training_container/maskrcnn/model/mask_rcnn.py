"""Mask R-CNN (He et al. 2017): the parts put together, and the way from an image to detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model.backbone import ResNet
from maskrcnn.model.box_head import BoxHead
from maskrcnn.model.config import STRIDES, ModelConfig
from maskrcnn.model.fpn import FeaturePyramid
from maskrcnn.model.mask_head import MaskHead
from maskrcnn.model.rpn import RpnHead, RpnLevel
from maskrcnn.ops import anchors as anchor_ops
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import images as image_ops
from maskrcnn.ops import proposals as proposal_ops
from maskrcnn.ops import roi_align


class RawDetections(NamedTuple):
    """Detections of one image in the pixels that the network saw, by falling score."""

    boxes: tf.Tensor
    """[D, 4]"""
    scores: tf.Tensor
    """[D]"""
    class_ids: tf.Tensor
    """[D] int32 from 1."""
    masks: tf.Tensor
    """[D, m, m] probabilities inside the box."""


class MaskRCNN(tf.Module):
    """The network.

    Args:
        config: Its shape.
        class_count: Classes without background.
        compute_dtype: Type of the convolutions; boxes, scores and losses are float32.
    """

    def __init__(self, config: ModelConfig, class_count: int, compute_dtype: tf.DType = tf.float32) -> None:
        super().__init__()
        self.config, self.class_count, self.compute_dtype = config, class_count, compute_dtype
        self.backbone = ResNet(config.backbone)
        self.fpn = FeaturePyramid(self.backbone.channels, config.fpn_channels)
        self.rpn = RpnHead(config.fpn_channels, config.rpn)
        self.box_head = BoxHead(config.fpn_channels, class_count, config.box)
        self.mask_head = MaskHead(config.fpn_channels, class_count, config.mask)

    def named_variables(self) -> dict[str, tf.Variable]:
        """Every variable by its tensorpack name, sorted."""
        by_name = {variable.name.removesuffix(":0"): variable for variable in self.variables}
        return dict(sorted(by_name.items()))

    def trained_variables(self) -> list[tf.Variable]:
        """What the optimizer moves, sorted by name."""
        frozen = {id(variable) for variable in self.backbone.frozen()}
        return [v for v in self.named_variables().values() if v.trainable and id(v) not in frozen]

    def pyramid(self, images: tf.Tensor, sizes: tf.Tensor, *, training: bool = False) -> list[tf.Tensor]:
        """Images [B, H, W, 3] (0 to 255, RGB) of the given sizes [B, 2] -> p2 to p6."""
        normalized = image_ops.normalize(images, sizes, self.compute_dtype)
        return self.fpn(self.backbone(normalized, training=training))

    def anchors(self, levels: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Anchors [N, 4] of each level."""
        rpn = self.config.rpn
        return [anchor_ops.grid(tf.shape(level)[1:3], stride, size, rpn.anchor_ratios)
                for level, stride, size in zip(levels, STRIDES, rpn.anchor_sizes_px, strict=True)]

    def propose(self, outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor], image: int, size: tf.Tensor, *,
                training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Proposals [K, 4] of one image of the batch and their logits [K]; they carry no gradient."""
        rpn = self.config.rpn
        candidates = rpn.train_candidates if training else rpn.candidates
        keep = rpn.train_proposals if training else rpn.proposals
        levels = [
            proposal_ops.select_level(output.logits[image], output.deltas[image], level_anchors, size,
                                      candidates=candidates, keep=keep, nms_iou=rpn.nms_iou,
                                      min_size_px=rpn.min_size_px, growth_limit=self.config.input.growth_limit)
            for output, level_anchors in zip(outputs, anchors, strict=True)
        ]
        boxes, scores = proposal_ops.best_of_levels(levels, keep)
        return tf.stop_gradient(boxes), tf.stop_gradient(scores)

    def pool(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor, size: int) -> tf.Tensor:
        """ROIAlign of boxes [R, 4] of the given images [R] on p2 to p5."""
        return roi_align.pyramid_roi_align(levels[:4], STRIDES[:4], boxes, images, size, self.config.roi_samples)

    def detect(self, image: tf.Tensor) -> RawDetections:
        """Find objects in one resized image [H, W, 3]."""
        size = tf.shape(image)[:2]
        levels = self.pyramid(image[None], size[None])
        proposals, _ = self.propose([self.rpn(level) for level in levels], self.anchors(levels), 0, size)
        boxes, probabilities = self.classify(levels, proposals, size)
        head = self.config.box
        boxes, scores, class_ids = proposal_ops.detect(
            boxes, probabilities, score_threshold=head.score_threshold, nms_iou=head.nms_iou, keep=head.detections)
        pooled = self.pool(levels, boxes, tf.zeros_like(class_ids), self.config.mask.pool_size)
        return RawDetections(boxes, scores, class_ids, tf.sigmoid(self.mask_head(pooled, class_ids)))

    def classify(self, levels: Sequence[tf.Tensor], proposals: tf.Tensor,
                 size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Refined boxes [K, C, 4] and class probabilities [K, C], without background."""
        head = self.config.box
        pooled = self.pool(levels, proposals, tf.zeros(tf.shape(proposals)[:1], tf.int32), head.pool_size)
        logits, deltas = self.box_head(pooled)
        boxes = box_ops.decode(deltas[:, 1:], proposals[:, None, :], head.regression_weights,
                               self.config.input.growth_limit)
        return box_ops.clip(boxes, size), tf.nn.softmax(logits)[:, 1:]
