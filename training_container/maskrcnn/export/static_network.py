"""The network for images of one size with every shape known, in operations that LiteRT has."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.export import static_ops
from maskrcnn.model.config import STRIDES
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model.rois import PyramidRois
from maskrcnn.program import JobError


class StaticNetwork(tf.Module):
    """The network with every shape known: no box is dropped on the way, what does not count has no score.

    Input `image` [height, width, 3] uint8, RGB, resized already. Outputs boxes [D, 4] in its pixels, scores [D],
    class_ids [D] from 1 and masks [D, m, m] probabilities inside the box, D the most detections that there may be, by
    falling score; where the score is 0 there is none. A network without masks has no output of that name.

    Args:
        model: In float32. Taken over: its ROIAlign is replaced.
        height: Of the images, pixels.
        width: Likewise.

    Raises:
        JobError: CONFIG_INVALID: a side is not positive, or the network has no feature pyramid.
    """

    def __init__(self, model: MaskRCNN, height: int, width: int) -> None:
        super().__init__()
        if not model.config.feature_pyramid:
            raise JobError("CONFIG_INVALID", "mode_fpn False: a C4 model cannot become LiteRT: train one with a "
                           "feature pyramid, or export a SavedModel")
        if height < 1 or width < 1:
            raise JobError("CONFIG_INVALID", f"size {height} x {width}: both sides must be positive")
        self.model = model
        model.rois = StaticRois(model.config)
        self.size = tf.constant([height, width])
        spec = tf.TensorSpec([height, width, 3], tf.uint8, "image")
        self.image = tf.function(self._detect, input_signature=[spec], autograph=False)

    def _detect(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        levels = self.model.pyramid(image[None], self.size[None])
        proposals, logits = self._propose(levels)
        boxes, probabilities = self.model.classify(levels, proposals, self.size)
        real = tf.cast(logits > static_ops.NONE / 2, tf.float32)
        head = self.model.config.box
        boxes, scores, class_ids = static_ops.detect(
            boxes, probabilities * real[:, None], score_threshold=head.score_threshold, nms_iou=head.nms_iou,
            keep=head.detections)
        answer = {"boxes": boxes, "scores": scores, "class_ids": class_ids}
        if self.model.mask_head:
            pooled = self.model.rois.for_masks(levels, boxes, tf.zeros_like(class_ids))
            answer["masks"] = tf.sigmoid(self.model.mask_head(pooled, tf.maximum(class_ids, 1)))
        return answer

    def _propose(self, levels: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Proposals [K, 4] and their logits [K], NONE where there is none."""
        rpn, joint = self.model.config.rpn, self.model.config.proposal_mode == "Joint"
        outputs = [self.model.rpn(level) for level in levels]
        maps = [(output.logits[0], output.deltas[0], anchors)
                for output, anchors in zip(outputs, self.model.anchors(levels), strict=True)]
        if joint:
            maps = [tuple(tf.concat(part, 0) for part in zip(*maps, strict=True))]
        candidates, keep = (rpn.joint_candidates, rpn.joint_proposals) if joint else (rpn.candidates, rpn.proposals)
        found = [static_ops.select_level(
            logits, deltas, anchors, self.size, candidates=candidates, keep=keep, nms_iou=rpn.nms_iou,
            min_size_px=rpn.min_size_px, growth_limit=self.model.config.input.growth_limit)
            for logits, deltas, anchors in maps]
        return static_ops.best_of_levels(found, keep)


class StaticRois(PyramidRois):
    """ROIAlign of one image by gathering, because LiteRT cannot crop and resize."""

    def _pool(self, levels: Sequence[tf.Tensor], boxes: tf.Tensor, images: tf.Tensor, size: int) -> tf.Tensor:
        del images  # there is one
        return static_ops.pyramid_roi_align(levels[:4], STRIDES[:4], boxes, size, self.config.roi_samples)
