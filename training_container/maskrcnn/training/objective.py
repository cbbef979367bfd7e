"""What training minimises: the losses of a batch, with the sampling that feeds them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.model.box_stages import BoxStage
from maskrcnn.model.extents import Extents
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.ops import boxes as box_ops
from maskrcnn.ops import losses, masks
from maskrcnn.training import roi_samples, rpn_objective
from maskrcnn.training.examples import Example
from maskrcnn.training.roi_samples import Samples

LOSSES = ("rpn_losses/label_loss", "rpn_losses/box_loss", "fastrcnn_losses/label_loss", "fastrcnn_losses/box_loss",
          "maskrcnn_loss/maskrcnn_loss")
"""The figures of `compute` that are added up."""


def compute(model: MaskRCNN, batch: Example, seed: tf.Tensor, *, mixed: bool = False) -> dict[str, tf.Tensor]:
    """Losses and logged figures under the names of the log; `seed` [2] decides the sampling.

    A cascade's box losses are the sums over its stages, its other figures those of the first one; each stage's own
    are logged under cascade_loss_stage1 and so on. A network without masks has a mask loss of 0.
    Where several replicas take the step, each image's sampling is that of its row in the joint batch, and every figure
    is this replica's share: the sum over the replicas is the figure of the joint batch.
    `mixed`: the images differ in size, and each shall see what it would see alone (not in a C4 model).
    """
    extents = Extents.of(batch.image, batch.size) if mixed and model.fpn else None
    levels = model.pyramid(batch.image, batch.size, training=True, extents=extents)
    seen = [extents.blank(level) for level in levels] if extents else levels
    outputs = [model.rpn(level) for level in seen]
    anchors = model.anchors(levels)
    rpn_losses = rpn_objective.compute(model.rpn, seen, outputs, anchors, batch, seed, extents)
    proposals = [model.propose(outputs, anchors, image, batch.size[image], training=True, extents=extents)[0]
                 for image in range(batch.image.shape[0])]
    levels = [extents.repeat_edge(level) for level in levels[:4]] if extents else levels
    samples = roi_samples.choose(model.config.box, proposals, batch, seed)
    pooled = model.rois.for_boxes(levels, samples.boxes, samples.images, training=True)
    return {
        **{f"rpn_losses/{name}": value for name, value in rpn_losses.items()},
        **box_losses(model, levels, samples, pooled, batch),
        **mask_losses(model, levels, samples, pooled, batch),
    }


def box_losses(model: MaskRCNN, levels: Sequence[tf.Tensor], samples: Samples, pooled: tf.Tensor,
               batch: Example) -> dict[str, tf.Tensor]:
    """Losses of the box head, or of all stages of a cascade; `pooled` are the features of the samples."""
    if len(model.box_stages) == 1:
        figures, _ = stage_losses(model, model.box_stages[0], samples, pooled, batch)
        return {f"fastrcnn_losses/{name}": value for name, value in figures.items()}
    stages = _cascade(model, levels, samples, pooled, batch)
    total = {name: tf.add_n([figures[name] for figures in stages]) for name in ("label_loss", "box_loss")}
    return {
        **{f"fastrcnn_losses/{name}": value for name, value in {**stages[0], **total}.items()},
        **{f"cascade_loss_stage{number}/fastrcnn_losses/{name}": value
           for number, figures in enumerate(stages, start=1) for name, value in figures.items()},
    }


def _cascade(model: MaskRCNN, levels: Sequence[tf.Tensor], samples: Samples, pooled: tf.Tensor,
             batch: Example) -> list[dict[str, tf.Tensor]]:
    """Figures of each stage; the stages share equally what flows back into the features they see."""
    share = 1.0 / len(model.box_stages)
    found = []
    for stage, following in itertools.zip_longest(model.box_stages, model.box_stages[1:]):
        figures, refined = stage_losses(model, stage, samples, scale_gradient(pooled, share), batch)
        found.append(figures)
        if following:
            samples = roi_samples.rematch(refined, samples.images, batch, following.positive_iou)
            pooled = model.rois.for_boxes(levels, samples.boxes, samples.images, training=True)
    return found


def stage_losses(model: MaskRCNN, stage: BoxStage, samples: Samples, pooled: tf.Tensor,
                 batch: Example) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Figures of one box head, and the samples' boxes [R, 4] moved by it if it has one box for all classes."""
    logits, deltas = stage.head(pooled)
    foreground = samples.foreground()
    found = tf.boolean_mask(deltas, samples.class_ids > 0)
    box_class = tf.minimum(foreground.class_ids, stage.head.box_classes - 1)
    targets = box_ops.encode(tf.gather_nd(batch.boxes, foreground.pairs()), foreground.boxes,
                             stage.regression_weights)
    figures = losses.box_head(logits, samples.class_ids, tf.gather(found, box_class, batch_dims=1),
                              tf.stop_gradient(targets), regression=model.config.box.regression_loss)
    figures["num_fg_label"] /= batch.image.shape[0] * replicas.count()
    sizes = tf.gather(batch.size, samples.images)[:, None]
    return figures, stage.refine(samples.boxes[:, None], deltas[:, :1], sizes)[:, 0]


def mask_losses(model: MaskRCNN, levels: Sequence[tf.Tensor], samples: Samples, pooled: tf.Tensor,
                batch: Example) -> dict[str, tf.Tensor]:
    """Losses of the mask head; only foreground proposals whose object has a mask take part."""
    if not model.mask_head:
        return {"maskrcnn_loss/maskrcnn_loss": tf.constant(0.0)}
    foreground = samples.foreground()
    has_mask = tf.gather_nd(batch.has_mask, foreground.pairs())
    masked = Samples(*(tf.boolean_mask(part, has_mask) for part in foreground))
    if model.rois.shared:
        features = tf.boolean_mask(tf.boolean_mask(pooled, samples.class_ids > 0), has_mask)
    else:
        features = model.rois.for_masks(levels, masked.boxes, masked.images)
    object_masks = tf.cast(tf.gather_nd(batch.masks, masked.pairs()), tf.float32) / 255.0
    frames = tf.gather_nd(batch.boxes, masked.pairs())
    targets = masks.targets(object_masks, frames, masked.boxes, model.rois.mask_size)
    figures = losses.mask_head(model.mask_head(features, masked.class_ids), tf.stop_gradient(targets))
    return {f"maskrcnn_loss/{name}": value for name, value in figures.items()}


def scale_gradient(x: tf.Tensor, factor: float) -> tf.Tensor:
    """The same values, with `factor` times their gradient."""
    return tf.custom_gradient(lambda same: (tf.identity(same), lambda upstream: upstream * factor))(x)
