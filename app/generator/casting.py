"""One generated photograph with its labels."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from app.generator import defects, surface
from app.generator.geometry import FloatImage, Pose

PART_CLASS = "disk"
DEFECTS = {"chipping": defects.chipping, "holes": defects.hole, "burrs": defects.burr}
CLASS_NAMES = (PART_CLASS, *DEFECTS)
OK_SHARE = 0.45
HABITS = {"chipping": (0.6, 1.8), "holes": (0.45, 0.15), "burrs": (0.4, 1.8)}
"""Share of bad castings with the defect, and how many more of it are there on average."""
MIN_VISIBLE_PX = 12
"""A defect smaller than this, after clipping by the disc's edge, is one that nobody could see."""


@dataclasses.dataclass(frozen=True)
class Casting:
    """A photograph and everything in it.

    Attributes:
        image: [size, size, 3] uint8, grey stored as RGB.
        instances: (class name, mask [size, size] bool), the part first, then its defects.
    """

    image: NDArray[np.uint8]
    instances: tuple[tuple[str, defects.Mask], ...]

    @property
    def is_good(self) -> bool:
        """Whether there is nothing but the part."""
        return len(self.instances) == 1


def render(seed: int | tuple[int, ...], size: int = 512) -> Casting:
    """Draw one casting; the same seed and size give the same pixels.

    Args:
        seed: Any whole number, or several (a set's seed and the number within it).
        size: Width and height in pixels.
    """
    random = np.random.default_rng(seed)
    pose = Pose.sample(random, size)
    picture = surface.paint(random, pose, size)
    distance, _ = pose.polar(size)
    disc = distance <= 1.0
    instances: list[tuple[str, defects.Mask]] = [(PART_CLASS, disc)]
    for name in _choose_defects(random):
        mask = DEFECTS[name](random, picture, pose, disc)
        if mask.sum() >= MIN_VISIBLE_PX * (size / defects.REFERENCE_SIZE) ** 2:
            instances.append((name, mask))
    return Casting(_photograph(random, picture), tuple(instances))


def _choose_defects(random: np.random.Generator) -> list[str]:
    """Which defects this casting has; chipping and burrs come in numbers, holes alone."""
    if random.random() < OK_SHARE:
        return []
    chosen: list[str] = []
    while not chosen:
        for name, (share, more) in HABITS.items():
            if random.random() < share:
                chosen += [name] * (1 + int(random.poisson(more)))
    return chosen


def _photograph(random: np.random.Generator, picture: FloatImage) -> NDArray[np.uint8]:
    """Lens blur, sensor noise, exposure."""
    seen = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 0.9))
    seen = seen * random.uniform(0.88, 1.06) + random.normal(0, random.uniform(0.006, 0.014), picture.shape)
    grey = np.clip(np.round(seen * 255), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
