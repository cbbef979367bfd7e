"""What the model finds in one image, as plain arrays; the border between TensorFlow and everything else."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Detections:
    """N instances by falling score.

    Attributes:
        boxes: [N, 4] float32, x1, y1, x2, y2 in pixels of the given image.
        scores: [N] float32, 0 to 1.
        class_ids: [N] int32, 1 to C.
        masks: [N, H, W] bool, in the given image's size.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    masks: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, min_score: float) -> Detections:
        """Only the instances with at least this score."""
        keep = self.scores >= min_score
        return Detections(self.boxes[keep], self.scores[keep], self.class_ids[keep], self.masks[keep])
