"""One model over the whole test set: its answers and its scores."""

from __future__ import annotations

import dataclasses
import logging
import statistics
import time
from collections.abc import Sequence

from app.contracts.dataset import ClassDefinition
from app.contracts.evaluation import ClassScores, ImageResult, ModelScores
from app.contracts.prediction import Instance, Prediction
from app.contracts.settings import VerdictSettings
from maskrcnn.evaluation import coco
from maskrcnn.evaluation.matching import Tally, tally_class, tally_image
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.evaluation.verdicts import Confusion, confusion
from maskrcnn.program import JobError
from maskrcnn.serving import images as decoder
from maskrcnn.serving.answer import SegmentationModel, all_instances, assemble
from maskrcnn.serving.errors import RequestError
from maskrcnn.verdict import judge

log = logging.getLogger("castline.evaluate")

LOG_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class ModelRun:
    """What one model did on the test set; all sequences are parallel to the images."""

    scores: ModelScores
    confusion: Confusion
    truths: tuple[str, ...]
    """OK or NG by the labels."""
    answers: tuple[tuple[Instance, ...], ...]
    """Every instance, unfiltered."""
    predictions: tuple[Prediction, ...]
    """What the endpoint would answer."""
    tallies: tuple[Tally, ...]
    masks: coco.CocoRun


def run_model(
    model: SegmentationModel,
    images: Sequence[LabelledImage],
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> ModelRun:
    """Predict every test image and score the answers.

    Args:
        model: Challenger or champion; its own classes may differ, they are compared by name.
        images: The test set.
        classes: The classes of the data set.
        settings: The verdict's thresholds.
    """
    answers, predictions = predict_all(model, images, settings)
    return score(model.card.run_id, images, answers, predictions, classes, settings)


def score(
    run_id: str,
    images: Sequence[LabelledImage],
    answers: Sequence[tuple[Instance, ...]],
    predictions: Sequence[Prediction],
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> ModelRun:
    """Score answers, whoever gave them; parameters as in ModelRun and run_model."""
    names = [definition.name for definition in classes]
    boxes = coco.run(images, answers, names, "bbox")
    masks = coco.run(images, answers, names, "segm")
    truths = tuple(judge(image.instances, classes, settings).label for image in images)
    counts = confusion(truths, [prediction.verdict.label for prediction in predictions])
    scores = ModelScores(
        run_id=run_id,
        box=boxes.average,
        mask=masks.average,
        classes=tuple(_class_scores(masks, boxes, index, images, settings) for index in range(len(names))),
        verdict=counts.scores,
        milliseconds_per_image=round(statistics.median(p.milliseconds for p in predictions), 1),
    )
    tallies = tuple(tally_image(masks, index, settings.min_score) for index in range(len(images)))
    return ModelRun(scores, counts, truths, tuple(answers), tuple(predictions), tallies, masks)


def image_results(images: Sequence[LabelledImage], run: ModelRun) -> list[ImageResult]:
    """One line for each image of images.jsonl."""
    return [
        ImageResult(
            image_sha256=image.sha256,
            file_name=image.file_name,
            truth=judged,  # type: ignore[arg-type]
            verdict=prediction.verdict.label,
            matched=tally.matched,
            missed=tally.missed,
            false_alarms=tally.false_alarms,
            worst_iou=tally.worst_iou,
        )
        for image, judged, prediction, tally in zip(images, run.truths, run.predictions, run.tallies, strict=True)
    ]


def predict_all(
    model: SegmentationModel, images: Sequence[LabelledImage], settings: VerdictSettings
) -> tuple[list[tuple[Instance, ...]], list[Prediction]]:
    """Every instance of each image, and what the endpoint would answer."""
    answers, predictions = [], []
    told = time.monotonic()
    model.warm_up()
    for number, image in enumerate(images, start=1):
        pixels = _pixels(image)
        started = time.perf_counter()
        instances = all_instances(model.predict(pixels), model.card)
        milliseconds = (time.perf_counter() - started) * 1000
        answers.append(instances)
        predictions.append(assemble(instances, pixels.shape, model, settings, "", milliseconds))
        if time.monotonic() - told > LOG_SECONDS:
            told = time.monotonic()
            log.info("model %s: %d of %d test images", model.card.run_id, number, len(images))
    return answers, predictions


def _pixels(image: LabelledImage) -> decoder.Pixels:
    """The way of the endpoint, without its limit on size: the data set's own limit holds."""
    try:
        pixels = decoder.decode(image.encoded, max_pixels=image.width * image.height)
    except RequestError as error:
        raise JobError("DATA_INVALID", f"{image.file_name}: {error}") from error
    if pixels.shape[:2] != (image.height, image.width):
        raise JobError(
            "DATA_INVALID",
            f"{image.file_name}: decodes to {pixels.shape[1]} x {pixels.shape[0]} and its label says "
            f"{image.width} x {image.height}: prepare the data again",
        )
    return pixels


def _class_scores(
    masks: coco.CocoRun,
    boxes: coco.CocoRun,
    index: int,
    images: Sequence[LabelledImage],
    settings: VerdictSettings,
) -> ClassScores:
    name = masks.class_names[index]
    mask_ap, mask_ap50 = masks.class_ap(index)
    tally = tally_class(masks, index, settings.min_score)
    if not tally.matched + tally.missed:  # labelled as boxes only: then a found box is a find
        tally = tally_class(boxes, index, settings.min_score)
    labels = tally.matched + tally.missed
    return ClassScores(
        name=name,
        instances=sum(label.instance.class_name == name for image in images for label in image.labels),
        mask_ap=mask_ap,
        mask_ap50=mask_ap50,
        box_ap=boxes.class_ap(index)[0],
        recall50=round(tally.matched / labels, 6) if labels else -1.0,
    )
