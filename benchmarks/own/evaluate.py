"""COCO evaluation of a test set: boxes and masks of 500 images, 5 labels and 40 answers each."""

from __future__ import annotations

from typing import Any

import numpy as np
from maskrcnn import rle
from maskrcnn.evaluation import coco
from maskrcnn.evaluation.truth import Label, LabelledImage

from app.contracts.prediction import Instance
from benchmarks import worker

IMAGES, LABELS, ANSWERS_A_LABEL = 500, 5, 8
CLASSES = ("chipping", "holes")


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: size."""
    rng = np.random.default_rng(0)
    images, answers = [], []
    for number in range(IMAGES):
        labels = [_disc(rng, spec["size"]) for _ in range(LABELS)]
        images.append(LabelledImage(str(number), f"{number}.png", "png", b"", spec["size"], spec["size"],
                                    tuple(Label(_instance(*label, 1.0)) for label in labels)))
        answers.append([_instance(name, _moved(rng, box, spec["size"]), spec["size"], float(rng.random()))
                        for name, box, _ in labels for _ in range(ANSWERS_A_LABEL)])

    def sample() -> dict[str, float]:
        masks = coco.run(images, answers, CLASSES, "segm").average
        boxes = coco.run(images, answers, CLASSES, "bbox").average
        return {"mask_ap": masks.ap, "box_ap": boxes.ap}

    return sample


Box = tuple[float, float, float, float]


def _disc(rng: np.random.Generator, size: int) -> tuple[str, Box, int]:
    x, y = rng.uniform(0.15 * size, 0.75 * size, 2)
    width, height = rng.uniform(0.02 * size, 0.2 * size, 2)
    return CLASSES[int(rng.integers(2))], (float(x), float(y), float(width), float(height)), size


def _moved(rng: np.random.Generator, box: Box, size: int) -> Box:
    shift = rng.normal(0.0, 0.01 * size, 2)
    growth = rng.uniform(0.7, 1.3, 2)
    return (box[0] + float(shift[0]), box[1] + float(shift[1]), box[2] * float(growth[0]), box[3] * float(growth[1]))


def _instance(name: str, box: Box, size: int, score: float) -> Instance:
    """An ellipse that fills its box."""
    left, top, width, height = box
    y, x = np.ogrid[0:size, 0:size]
    mask = (((x - left - width / 2) / (width / 2)) ** 2 + ((y - top - height / 2) / (height / 2)) ** 2) <= 1.0
    return Instance(name, "defect", score, box, int(np.count_nonzero(mask)), rle.encode(mask))


if __name__ == "__main__":
    worker.serve(build)
