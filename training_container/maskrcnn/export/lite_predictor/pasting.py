"""Small masks drawn into the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MASK_THRESHOLD = 0.5


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
