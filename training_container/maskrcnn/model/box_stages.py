"""The box heads of a network: one, or the three stages of a cascade (Cai and Vasconcelos 2018)."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.box_head import BoxHead, Mean, head_layers
from maskrcnn.model.config import ModelConfig
from maskrcnn.ops import boxes as box_ops


class BoxStage(tf.Module):
    """A box head with what its outputs mean.

    Args:
        head: From pooled features to logits and deltas.
        regression_weights: Scale of tx, ty, tw, th.
        positive_iou: Overlap with an object from which a box counts as that object in training.
        growth_limit: How many times larger than its proposal a box side may be.
    """

    def __init__(self, head: BoxHead, regression_weights: tuple[float, ...], positive_iou: float,
                 growth_limit: float) -> None:
        super().__init__()
        self.head = head
        self.regression_weights, self.positive_iou, self.growth_limit = regression_weights, positive_iou, growth_limit

    def refine(self, boxes: tf.Tensor, deltas: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
        """Boxes [R, 1, 4] moved by deltas [R, B, 4] and clipped to images of sizes [2], or [R, 1, 2]: [R, B, 4]."""
        return box_ops.clip(box_ops.decode(deltas, boxes, self.regression_weights, self.growth_limit), sizes)


def build(config: ModelConfig, channels: int, class_count: int) -> list[BoxStage]:
    """The stages that a configuration asks for, on pooled features of that many channels.

    Raises:
        ValueError: a cascade without a feature pyramid, or with unequal numbers of overlaps and weights.
    """
    box, limit = config.box, config.input.growth_limit
    if not box.cascade:
        layers = head_layers("fastrcnn", channels, box) if config.feature_pyramid else Mean(channels)
        scope = "fastrcnn/outputs" if config.feature_pyramid else "fastrcnn"
        return [BoxStage(BoxHead(scope, layers, class_count), box.regression_weights, box.positive_iou, limit)]
    if not config.feature_pyramid:
        raise ValueError("box.cascade: needs feature_pyramid: a C4 model has one box head")
    if len(box.cascade_ious) != len(box.cascade_regression_weights):
        raise ValueError(f"box.cascade_ious has {len(box.cascade_ious)} stages and box.cascade_regression_weights "
                         f"{len(box.cascade_regression_weights)}: give both one entry a stage")
    stages = zip(box.cascade_ious, box.cascade_regression_weights, strict=True)
    return [BoxStage(BoxHead(f"cascade_rcnn_stage{number}/outputs",
                             head_layers(f"cascade_rcnn_stage{number}/head", channels, box), class_count,
                             class_agnostic=True), weights, iou, limit)
            for number, (iou, weights) in enumerate(stages, start=1)]
