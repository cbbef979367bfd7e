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
from maskrcnn.verdict import judge


class SegmentationModel(Protocol):
    """What serving and evaluation ask of a model; maskrcnn.predictor.Predictor is one."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""

    def predict(self, image: NDArray[np.uint8]) -> Detections:
        """Find instances in one RGB image [H, W, 3]."""

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
                score=round(float(detections.scores[index]), 4),
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
    instances = all_instances(model.predict(image), model.card)
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
