"""Mask R-CNN (He et al. 2017): the parts put together, and the way from an image to detections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from maskrcnn.model import box_stages
from maskrcnn.model.backbone import ResNet, affine_of
from maskrcnn.model.config import STRIDES, ModelConfig
from maskrcnn.model.extents import MULTIPLE, Extents
from maskrcnn.model.fpn import FeaturePyramid
from maskrcnn.model.mask_head import MaskHead
from maskrcnn.model.mobilenet import MobileNetV2
from maskrcnn.model.rois import C4Rois, PyramidRois
from maskrcnn.model.rpn import RpnHead, RpnLevel
from maskrcnn.ops import anchors as anchor_ops
from maskrcnn.ops import images as image_ops
from maskrcnn.ops import proposals as proposal_ops


class RawDetections(NamedTuple):
    """Detections of one image in the pixels that the network saw, by falling score."""

    boxes: tf.Tensor
    """[D, 4]"""
    scores: tf.Tensor
    """[D]"""
    class_ids: tf.Tensor
    """[D] int32 from 1."""
    masks: tf.Tensor
    """[D, m, m] probabilities inside the box; [D, 0, 0] from a network without masks."""


class MaskRCNN(tf.Module):
    """The network.

    Args:
        config: Its shape.
        class_count: Classes without background.
        compute_dtype: Type of the convolutions; boxes, scores and losses are float32.

    Raises:
        ValueError: parts that do not fit each other.

    Example:
        model = MaskRCNN(ModelConfig(), class_count=2)
        detections = model.detect(image)
    """

    def __init__(self, config: ModelConfig, class_count: int, compute_dtype: tf.DType = tf.float32) -> None:
        super().__init__()
        self.config, self.class_count, self.compute_dtype = config, class_count, compute_dtype
        pyramid = config.feature_pyramid
        self.backbone = self._backbone()
        self.fpn = FeaturePyramid(self.backbone.channels, config.fpn_channels, config.fpn_norm) if pyramid else None
        self.rpn = self._rpn_head()
        self.rois = PyramidRois(config) if pyramid else C4Rois(config)
        self.box_stages = box_stages.build(config, self.rois.channels, class_count)
        self.mask_head = None
        if config.masks:
            self.mask_head = MaskHead(self.rois.channels, class_count, config.mask, bare=not pyramid)

    def _backbone(self) -> ResNet | MobileNetV2:
        pyramid, config = self.config.feature_pyramid, self.config.backbone
        if config.kind == "resnet":
            return ResNet(config, 4 if pyramid else 3, odd_sizes=not pyramid)
        if not pyramid:
            raise ValueError("backbone.kind mobilenet_v2: needs feature_pyramid: a C4 model ends in a ResNet's group")
        return MobileNetV2(config)

    def _rpn_head(self) -> RpnHead:
        rpn, anchors = self.config.rpn, len(self.config.rpn.anchor_ratios)
        if self.fpn:
            return RpnHead(self.config.fpn_channels, rpn.channels, anchors, rpn)
        return RpnHead(self.backbone.channels[-1], rpn.c4_channels, anchors * len(rpn.anchor_sizes_px), rpn)

    def named_variables(self) -> dict[str, tf.Variable]:
        """Every variable by its tensorpack name, sorted."""
        by_name = {variable.name.removesuffix(":0"): variable for variable in self.variables}
        return dict(sorted(by_name.items()))

    def trained_variables(self) -> list[tf.Variable]:
        """What the optimizer moves, sorted by name."""
        frozen = {id(variable) for variable in self._frozen()}
        return [v for v in self.named_variables().values() if v.trainable and id(v) not in frozen]

    def _frozen(self) -> list[tf.Variable]:
        frozen = self.backbone.frozen()
        if self.config.backbone.freeze_affine:
            frozen += affine_of(self.backbone) + affine_of(self.rois)
        return frozen

    def pyramid(self, images: tf.Tensor, sizes: tf.Tensor, *, training: bool = False,
                extents: Extents | None = None) -> list[tf.Tensor]:
        """Images [B, H, W, 3] (0 to 255, RGB) of the given sizes [B, 2] -> p2 to p6, or c4 alone in a C4 model.

        With `extents` (a C4 model takes none) each image sees what it would see alone, whatever lies beyond it.
        """
        pixels = self.config.input
        normalized = image_ops.normalize(images, sizes, self.compute_dtype, mean=pixels.pixel_mean,
                                         deviation=pixels.pixel_std, multiple=MULTIPLE if self.fpn else 1)
        if self.fpn:
            return self.fpn(self.backbone(normalized, training=training, extents=extents), extents)
        return self.backbone(image_ops.at_least(normalized, self.config.rpn.anchor_stride_px), training=training)[-1:]

    def anchors(self, levels: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Anchors [N, 4] of each level."""
        rpn = self.config.rpn
        if not self.fpn:
            return [anchor_ops.grid(tf.shape(levels[0])[1:3], rpn.anchor_stride_px, rpn.anchor_sizes_px,
                                    rpn.anchor_ratios)]
        return [anchor_ops.grid(tf.shape(level)[1:3], stride, [size], rpn.anchor_ratios)
                for level, stride, size in zip(levels, STRIDES, rpn.anchor_sizes_px, strict=True)]

    def propose(self, outputs: Sequence[RpnLevel], anchors: Sequence[tf.Tensor], image: int, size: tf.Tensor, *,
                training: bool = False, extents: Extents | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Proposals [K, 4] of one image of the batch and their logits [K]; they carry no gradient."""
        rpn = self.config.rpn
        maps = [(_of_image(output.logits[image], grid, image, extents), output.deltas[image], grid)
                for output, grid in zip(outputs, anchors, strict=True)]
        if not self.fpn or self.config.proposal_mode == "Joint":
            maps = [tuple(tf.concat(part, 0) for part in zip(*maps, strict=True))]
            candidates = rpn.joint_train_candidates if training else rpn.joint_candidates
            keep = rpn.joint_train_proposals if training else rpn.joint_proposals
        else:
            candidates = rpn.train_candidates if training else rpn.candidates
            keep = rpn.train_proposals if training else rpn.proposals
        levels = [
            proposal_ops.select_level(logits, deltas, grid, size, candidates=candidates, keep=keep,
                                      nms_iou=rpn.nms_iou, min_size_px=rpn.min_size_px,
                                      growth_limit=self.config.input.growth_limit)
            for logits, deltas, grid in maps
        ]
        boxes, scores = levels[0] if len(levels) == 1 else proposal_ops.best_of_levels(levels, keep)
        return tf.stop_gradient(boxes), tf.stop_gradient(scores)

    def detect(self, image: tf.Tensor, min_score: float | tf.Tensor = 0.0) -> RawDetections:
        """Find objects in one resized image [H, W, 3].

        A higher min_score than the network's own takes detections away and changes no other: NMS never lets a
        weaker box remove a stronger one. The mask head then has less to do.
        """
        size = tf.shape(image)[:2]
        levels = self.pyramid(image[None], size[None])
        proposals, _ = self.propose([self.rpn(level) for level in levels], self.anchors(levels), 0, size)
        boxes, probabilities = self.classify(levels, proposals, size)
        head = self.config.box
        boxes, scores, class_ids = proposal_ops.detect(
            boxes, probabilities, score_threshold=tf.maximum(head.score_threshold, min_score),
            nms_iou=head.nms_iou, keep=head.detections)
        if not self.mask_head:
            return RawDetections(boxes, scores, class_ids, tf.zeros([tf.size(scores), 0, 0]))
        pooled = self.rois.for_masks(levels, boxes, tf.zeros_like(class_ids))
        return RawDetections(boxes, scores, class_ids, tf.sigmoid(self.mask_head(pooled, class_ids)))

    def classify(self, levels: Sequence[tf.Tensor], proposals: tf.Tensor,
                 size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Refined boxes [K, C, 4] and class probabilities [K, C], without background; a cascade averages its stages."""
        images = tf.zeros(tf.shape(proposals)[:1], tf.int32)
        boxes, scores = proposals[:, None], []
        for stage in self.box_stages:
            logits, deltas = stage.head(self.rois.for_boxes(levels, boxes[:, 0], images))
            boxes = stage.refine(boxes, deltas[:, -self.class_count:], size)
            scores.append(tf.nn.softmax(logits)[:, 1:])
        shape = [tf.shape(proposals)[0], self.class_count, 4]
        return tf.broadcast_to(boxes, shape), tf.add_n(scores) / len(scores)


def _of_image(logits: tf.Tensor, anchors: tf.Tensor, image: int, extents: Extents | None) -> tf.Tensor:
    """Logits [N] with minus infinity, which NMS leaves out, for anchors beyond the image's own extent."""
    return tf.where(extents.holds(image, anchors), logits, -math.inf) if extents else logits
