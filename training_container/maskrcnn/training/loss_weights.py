"""The weighted sum of the losses. Each loss is logged without its weight, so runs with other weights compare."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from maskrcnn.training.config import LossWeights

UNWEIGHTED = LossWeights()


def by_name(weights: LossWeights) -> dict[str, float]:
    """The factors under the losses' names in the log; a cascade's box losses are sums over its stages."""
    return {
        "rpn_losses/label_loss": weights.rpn_class_loss,
        "rpn_losses/box_loss": weights.rpn_bbox_loss,
        "fastrcnn_losses/label_loss": weights.mrcnn_class_loss,
        "fastrcnn_losses/box_loss": weights.mrcnn_bbox_loss,
        "maskrcnn_loss/maskrcnn_loss": weights.mrcnn_mask_loss,
    }


def weighted_sum(figures: Mapping[str, tf.Tensor], weights: LossWeights) -> tf.Tensor:
    """What training minimises beside weight decay, a float32 scalar."""
    return tf.add_n([figures[name] * weight for name, weight in by_name(weights).items()])
