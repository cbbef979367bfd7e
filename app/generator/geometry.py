"""The shape of one casting in the picture: where it lies, and how far each pixel is from its axis."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

# Radii of the impeller's rings, in shares of the outer radius, as photographs of pump impellers show them.
HOLE, HUB, CAVITY, LIP, GROOVE, RIM = 0.185, 0.265, 0.52, 0.585, 0.615, 1.0


@dataclasses.dataclass(frozen=True)
class Pose:
    """Where the disc lies; pixels and radians."""

    center_x: float
    center_y: float
    radius_x: float
    radius_y: float
    tilt: float

    @classmethod
    def sample(cls, random: np.random.Generator, size: int) -> Pose:
        """A disc that nearly fills the picture, seen almost from above."""
        radius = size * random.uniform(0.36, 0.435)
        jitter = size * 0.03
        return cls(
            center_x=size / 2 + random.uniform(-jitter, jitter),
            center_y=size / 2 + random.uniform(-jitter, jitter),
            radius_x=radius,
            radius_y=radius * random.uniform(0.94, 1.06),
            tilt=random.uniform(0, np.pi),
        )

    @property
    def radius(self) -> float:
        """Mean radius in pixels."""
        return (self.radius_x + self.radius_y) / 2

    def polar(self, size: int) -> tuple[FloatImage, FloatImage]:
        """Distance from the axis in outer radii and angle in radians, both [size, size]."""
        rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
        x, y = columns - self.center_x, rows - self.center_y
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        u = (x * cosine + y * sine) / self.radius_x
        v = (-x * sine + y * cosine) / self.radius_y
        return np.hypot(u, v).astype(np.float32), np.arctan2(y, x).astype(np.float32)

    def point(self, distance: float, angle: float) -> tuple[float, float]:
        """Pixel position at `distance` outer radii from the axis, in the direction `angle` of the picture."""
        dx, dy = np.cos(angle), np.sin(angle)
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        scale = np.hypot((dx * cosine + dy * sine) / self.radius_x, (-dx * sine + dy * cosine) / self.radius_y)
        return float(self.center_x + dx * distance / scale), float(self.center_y + dy * distance / scale)
