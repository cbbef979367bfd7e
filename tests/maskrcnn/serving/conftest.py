"""A model without TensorFlow, and images to send to it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from maskrcnn.detections import Detections
from maskrcnn.model_card import ModelCard
from numpy.typing import NDArray
from PIL import Image

from app.contracts.dataset import ClassDefinition

with warnings.catch_warnings():  # once, at its first import: it asks for another HTTP client than the lock has
    warnings.simplefilter("ignore")
    import starlette.testclient  # noqa: F401

CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "chipping", "defect"))


class SquareModel:
    """Finds a disk (0.99) over the whole image, and a chipping (0.8) of 10 x 10 px where a pixel is pure red."""

    def __init__(self) -> None:
        self.card = ModelCard("run-1", "v1", CLASSES, "tiny", {}, 100)
        self.warmed = False

    def warm_up(self) -> None:
        self.warmed = True

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Detections:
        height, width = image.shape[:2]
        boxes, scores, ids = [(0, 0, width, height)], [0.99], [1]
        masks = [np.ones((height, width), bool)]
        reds = np.argwhere((image == (255, 0, 0)).all(axis=2))
        if len(reds):
            y, x = reds[0]
            mask = np.zeros((height, width), bool)
            mask[y : y + 10, x : x + 10] = True
            boxes.append((x, y, x + 10, y + 10))
            scores.append(0.8)
            ids.append(2)
            masks.append(mask)
        return Detections(
            np.array(boxes, np.float32), np.array(scores, np.float32), np.array(ids, np.int32), np.array(masks)
        )


@pytest.fixture
def model() -> SquareModel:
    return SquareModel()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Encode an image of 64 x 48 px; `defect` puts a red pixel at (20, 10)."""

    def make(kind: str = "PNG", *, defect: bool = False, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
        pixels = np.full((size[1], size[0], 3), 128, np.uint8)
        if defect:
            pixels[10, 20] = (255, 0, 0)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind, **options)
        return stream.getvalue()

    return make
