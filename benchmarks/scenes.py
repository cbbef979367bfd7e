"""The images that every stack gets: grey castings with elliptic defects, as plain arrays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

CLASSES = 2
OBJECTS = 5
"""Objects an image."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """One image and its objects."""

    image: Any
    """[size, size, 3] uint8."""
    boxes: Any
    """[OBJECTS, 4] float32, x1, y1, x2, y2 in pixels."""
    class_ids: Any
    """[OBJECTS] int32 from 1."""
    masks: Any
    """[OBJECTS, size, size] uint8, 0 or 1."""


def make(size: int, seed: int) -> Scene:
    """Draw the scene with this number."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    image = 120.0 + 40.0 * np.sin(3.0 * x / size) + rng.normal(0.0, 12.0, (size, size))
    radii = rng.uniform(0.03, 0.14, (OBJECTS, 2)).astype(np.float32) * size
    centres = rng.uniform(0.18, 0.82, (OBJECTS, 2)).astype(np.float32) * size
    masks = np.stack([((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1.0
                      for (cx, cy), (rx, ry) in zip(centres, radii, strict=True)])
    for mask in masks:
        image[mask] += rng.choice([-60.0, 60.0])
    grey = np.clip(image, 0.0, 255.0).astype(np.uint8)
    return Scene(np.repeat(grey[..., None], 3, 2), np.concatenate([centres - radii, centres + radii], 1),
                 1 + np.arange(OBJECTS, dtype=np.int32) % CLASSES, masks.astype(np.uint8))
