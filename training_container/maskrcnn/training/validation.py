"""COCO box and mask AP on the validation shards, in the training process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from maskrcnn.evaluation import coco
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.serving import images as decoder
from maskrcnn.serving.answer import SegmentationModel, all_instances
from maskrcnn.training import metrics_log

KINDS: tuple[coco.Kind, ...] = ("bbox", "segm")


def evaluate(
    model: SegmentationModel,
    images: Sequence[LabelledImage],
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """The twelve mAP figures, by the code that also evaluates the finished model; None when interrupted.

    A figure is -1 where there is no ground truth of that size.
    """
    answers = []
    for image in images:
        if interrupted():
            return None
        pixels = decoder.decode(image.encoded, max_pixels=image.width * image.height)
        answers.append(all_instances(model.predict(pixels), model.card))
    names = [definition.name for definition in model.card.classes]
    figures: dict[str, float] = {}
    for kind in KINDS:
        average = dataclasses.astuple(coco.run(images, answers, names, kind).average)
        figures.update(zip(metrics_log.coco_names(kind), average, strict=True))
    return figures
