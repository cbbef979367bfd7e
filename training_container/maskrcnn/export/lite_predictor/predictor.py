"""The runner: a .tflite, what must be known of it, and images of any size."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from .merging import Raw, merge
from .pasting import paste
from .views import Tiling, View, in_tiles, letterbox

MODEL_FILE, REPORT_FILE = "model.tflite", "export.json"


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

    A model without tiles sees an image resized into the size of the export, in its own shape; the rest of the width or
    height is filled. A model with tiles sees it as where it was trained: tile by tile, and as a whole.

    Args:
        model: The .tflite.
        class_names: Of class 1 and on.
        fill_rgb: Colour beside an image of another shape: the mean that the network takes away.
        tiling: Of a model with tiles.
        threads: Of the processor; 0: all.
    """

    def __init__(self, model: Path, class_names: Sequence[str], fill_rgb: Sequence[int], tiling: Tiling | None = None,
                 threads: int = 0) -> None:
        self.class_names, self.fill_rgb, self.tiling = tuple(class_names), tuple(fill_rgb), tiling
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
        tiling = Tiling(**report["tiling"]) if report["tiling"] else None
        return cls(folder / MODEL_FILE, report["class_names"], report["fill_rgb"], tiling, threads)

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Found:
        """Instances of at least this score in an RGB image [H, W, 3]."""
        if self.tiling:
            views, places = in_tiles(image, self.tiling, (self.height, self.width), self.fill_rgb)
            seen = [self._seen(view, image) for view in views]
            joined = Raw(*(np.concatenate(parts) for parts in zip(*seen, strict=True)))
            found = merge(joined, places, self.tiling.detections)
        else:
            found = self._seen(letterbox(image, self.height, self.width, self.fill_rgb), image)
        found = found.taken(found.scores >= min_score)
        small = found.masks if found.masks.shape[1] else None
        return Found(found.boxes, found.scores, found.class_ids, paste(small, found.boxes, *image.shape[:2]))

    def _seen(self, view: View, image: NDArray[np.uint8]) -> Raw:
        """What the network finds in a view, in the image's pixels; without what lies in the fill."""
        answer = self._run(image=view.canvas)
        limits = np.tile(view.shown[::-1], 2).astype(np.float32)
        boxes = (np.clip(answer["boxes"], 0, limits) + np.tile(view.corner, 2).astype(np.float32)) * view.scale
        # Rounding may put a corner beyond the image's own.
        boxes = np.clip(boxes, 0, np.tile(image.shape[1::-1], 2).astype(np.float32))
        masks = answer.get("masks", np.zeros((len(boxes), 0, 0), np.float32))
        numbers = np.full(len(boxes), view.number, np.int32)
        real = (answer["scores"] > 0) & (boxes[:, :2] < boxes[:, 2:]).all(1)
        return Raw(boxes, answer["scores"], answer["class_ids"], masks, numbers).taken(real)
