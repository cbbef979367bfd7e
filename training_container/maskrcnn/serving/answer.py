"""From an image to the answer of the endpoint; evaluate goes the same way, so golden answers compare."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.contracts.prediction import Instance, Prediction
from app.contracts.settings import VerdictSettings
from maskrcnn import rle
from maskrcnn.detections import Detections
from maskrcnn.model_card import ModelCard
from maskrcnn.verdict import PART_MIN_SCORE, judge

SCORE_DIGITS = 4


class SegmentationModel(Protocol):
    """What serving and evaluation ask of a model; maskrcnn.predictor.Predictor is one."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Detections:
        """Find instances of at least this score in one RGB image [H, W, 3]."""

    def warm_up(self) -> None:
        """Predict once, so that the first request does not pay for tracing."""


def all_instances(detections: Detections, card: ModelCard) -> tuple[Instance, ...]:
    """Every detection with a mask as the contract's Instance, by falling score."""
    instances = []
    for index in np.argsort(-detections.scores, kind="stable"):
        mask = detections.masks[index]
        area = int(np.count_nonzero(mask))
        if area == 0:
            continue
        definition = card.class_named(int(detections.class_ids[index]))
        x1, y1, x2, y2 = (round(float(value), 2) for value in detections.boxes[index])
        instances.append(
            Instance(
                class_name=definition.name,
                role=definition.role,
                score=round(float(detections.scores[index]), SCORE_DIGITS),
                bbox=(x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)),
                area_px=area,
                mask=rle.encode(mask),
            )
        )
    return tuple(instances)


def answer(
    model: SegmentationModel, image: NDArray[np.uint8], settings: VerdictSettings, model_version: str = ""
) -> Prediction:
    """Predict one RGB image [H, W, 3] and judge it.

    The answer lists the instances with at least `min_score`; `min_area_px` concerns the verdict alone.
    """
    started = time.perf_counter()
    # What neither the list nor the verdict looks at needs no mask; scores are compared after rounding.
    needed = min(settings.min_score, PART_MIN_SCORE) - 10.0**-SCORE_DIGITS
    instances = all_instances(model.predict(image, needed), model.card)
    milliseconds = (time.perf_counter() - started) * 1000
    return assemble(instances, image.shape, model, settings, model_version, milliseconds)


def assemble(
    instances: tuple[Instance, ...],
    shape: tuple[int, ...],
    model: SegmentationModel,
    settings: VerdictSettings,
    model_version: str,
    milliseconds: float,
) -> Prediction:
    """Put the verdict and the listed instances together."""
    return Prediction(
        width=int(shape[1]),
        height=int(shape[0]),
        instances=tuple(i for i in instances if i.score >= settings.min_score),
        verdict=judge(instances, model.card.classes, settings),
        model_version=model_version or model.card.run_id,
        milliseconds=round(milliseconds, 1),
        masks_are_boxes=model.card.masks_are_boxes,
    )
