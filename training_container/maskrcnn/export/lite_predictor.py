"""A LiteRT export on the device: image in, instances out. One file that needs numpy, OpenCV and ai-edge-litert alone.

Example:
    predictor = LitePredictor.load(Path("exported"))
    found = predictor.predict(cv2.cvtColor(cv2.imread("photo.jpeg"), cv2.COLOR_BGR2RGB), min_score=0.5)
    print([(predictor.class_names[i - 1], score) for i, score in zip(found.class_ids, found.scores)])
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

MODEL_FILE, REPORT_FILE = "model.tflite", "export.json"
MASK_THRESHOLD = 0.5


class Found(NamedTuple):
    """Instances of one image by falling score, in its own pixels."""

    boxes: NDArray[np.float32]
    """[N, 4] x1, y1, x2, y2."""
    scores: NDArray[np.float32]
    """[N], 0 to 1."""
    class_ids: NDArray[np.int32]
    """[N] from 1."""
    masks: NDArray[np.bool_]
    """[N, H, W]; the box where the network finds boxes alone."""


class LitePredictor:
    """Runs a .tflite on images of any size.

    An image is resized into the size of the export and keeps its shape; the rest of the width or height is filled.

    Args:
        model: The .tflite.
        class_names: Of class 1 and on.
        fill_rgb: Colour beside an image of another shape: the mean that the network takes away.
        threads: Of the processor; 0: all.
    """

    def __init__(self, model: Path, class_names: Sequence[str], fill_rgb: Sequence[int], threads: int = 0) -> None:
        self.class_names, self.fill_rgb = tuple(class_names), tuple(fill_rgb)
        self._interpreter = Interpreter(str(model), num_threads=threads or os.cpu_count())
        self._run = self._interpreter.get_signature_runner("serving_default")
        self.height, self.width = (int(side) for side in self._run.get_input_details()["image"]["shape"][:2])

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> LitePredictor:
        """The export in a folder.

        Raises:
            FileNotFoundError: it holds no export.
        """
        report = json.loads((folder / REPORT_FILE).read_text())
        return cls(folder / MODEL_FILE, report["class_names"], report["fill_rgb"], threads)

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Found:
        """Instances of at least this score in an RGB image [H, W, 3]."""
        canvas, shown = letterbox(image, self.height, self.width, self.fill_rgb)
        answer = self._run(image=canvas)
        limits = np.tile(image.shape[1::-1], 2).astype(np.float32)
        boxes = np.clip(answer["boxes"] / np.tile(shown[::-1], 2) * limits, 0.0, limits)
        real = (answer["scores"] > 0.0) & (answer["scores"] >= min_score) & (boxes[:, :2] < boxes[:, 2:]).all(1)
        boxes = boxes[real].astype(np.float32)
        small = answer["masks"][real] if "masks" in answer else None
        return Found(boxes, answer["scores"][real], answer["class_ids"][real], paste(small, boxes, *image.shape[:2]))


def letterbox(image: NDArray[np.uint8], height: int, width: int,
              fill_rgb: Sequence[int]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """An image as large as it fits into [height, width, 3], at its upper left, and how many rows and columns it has."""
    scale = min(height / image.shape[0], width / image.shape[1])
    rows, columns = (max(round(side * scale), 1) for side in image.shape[:2])
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = fill_rgb
    canvas[:rows, :columns] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return canvas, (rows, columns)


def paste(small: NDArray[np.float32] | None, boxes: NDArray[np.float32], height: int,
          width: int) -> NDArray[np.bool_]:
    """Masks [N, m, m] drawn at their boxes into [N, height, width], bilinear, with a border of zeros around each.

    Without masks the boxes are drawn: the pixels whose centres lie inside.
    """
    result = np.zeros((len(boxes), height, width), np.bool_)
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        if small is None:
            result[index] = np.outer(_inside(y1, y2, height), _inside(x1, x2, width))
        else:
            bins = len(small[index])
            (rows, down), (columns, across) = _weights(y1, y2, bins, height), _weights(x1, x2, bins, width)
            result[index, rows, columns] = down @ np.pad(small[index], 1) @ across.T >= MASK_THRESHOLD
    return result


def _weights(low: float, high: float, bins: int, pixels: int) -> tuple[slice, NDArray[np.float32]]:
    """The pixels that a side reaches, and how much its bins and the zeros around them count there: [P, bins + 2]."""
    size = max(high - low, 1e-6) / bins
    start = int(np.clip(np.floor(low - size), 0, pixels))
    stop = int(np.clip(np.ceil(high + size), start, pixels))
    places = (np.arange(start, stop) + 0.5 - low) / size + 0.5
    weights = np.maximum(1.0 - np.abs(places[:, None] - np.arange(bins + 2)), 0.0)
    return slice(start, stop), weights.astype(np.float32)


def _inside(low: float, high: float, pixels: int) -> NDArray[np.bool_]:
    centres = np.arange(pixels) + 0.5
    inside: NDArray[np.bool_] = (low <= centres) & (centres < high)
    return inside
