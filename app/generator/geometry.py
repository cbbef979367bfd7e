"""The shape of one casting in the picture: where it lies, and how far each pixel is from its axis."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

RIM = 1.0


@dataclasses.dataclass(frozen=True)
class Rings:
    """Radii of the impeller's rings from the axis outwards, in shares of the outer radius."""

    hole: float = 0.19
    hub: float = 0.25
    cavity: float = 0.525
    lip: float = 0.595
    groove: float = 0.63

    @classmethod
    def sample(cls, random: np.random.Generator) -> Rings:
        """Slightly other proportions for each casting: moulds and cameras differ."""
        scale, hole = random.uniform(0.95, 1.05), random.uniform(0.175, 0.2)
        return cls(hole, hole + random.uniform(0.05, 0.07), *(scale * r for r in (cls.cavity, cls.lip, cls.groove)))


@dataclasses.dataclass(frozen=True)
class Pose:
    """Where the disc lies; pixels and radians."""

    center_x: float
    center_y: float
    radius_x: float
    radius_y: float
    tilt: float
    rings: Rings = Rings()

    @classmethod
    def sample(cls, random: np.random.Generator, size: int) -> Pose:
        """A disc that nearly fills the picture, seen almost from above."""
        radius = size * random.uniform(0.38, 0.45)
        jitter = size * 0.025
        return cls(
            center_x=size / 2 + random.uniform(-jitter, jitter),
            center_y=size / 2 + random.uniform(-jitter, jitter),
            radius_x=radius,
            radius_y=radius * random.uniform(0.9, 1.08),
            tilt=random.uniform(0, np.pi),
            rings=Rings.sample(random),
        )

    @property
    def radius(self) -> float:
        """Mean radius in pixels."""
        return (self.radius_x + self.radius_y) / 2

    def polar(self, size: int) -> tuple[FloatImage, FloatImage]:
        """Distance from the axis in outer radii and angle in radians, both [size, size]."""
        return _polar(self, size)

    def point(self, distance: float, angle: float) -> tuple[float, float]:
        """Pixel position at `distance` outer radii from the axis, in the direction `angle` of the picture."""
        dx, dy = np.cos(angle), np.sin(angle)
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        scale = np.hypot((dx * cosine + dy * sine) / self.radius_x, (-dx * sine + dy * cosine) / self.radius_y)
        return float(self.center_x + dx * distance / scale), float(self.center_y + dy * distance / scale)


@functools.lru_cache(maxsize=1)  # paint and every burr ask for the same casting
def _polar(pose: Pose, size: int) -> tuple[FloatImage, FloatImage]:
    x = np.arange(size, dtype=np.float32)[None] - np.float32(pose.center_x)
    y = np.arange(size, dtype=np.float32)[:, None] - np.float32(pose.center_y)
    cosine, sine = np.float32(np.cos(pose.tilt)), np.float32(np.sin(pose.tilt))
    u = (x * cosine + y * sine) / np.float32(pose.radius_x)
    v = (-x * sine + y * cosine) / np.float32(pose.radius_y)
    distance, angle = np.hypot(u, v), np.arctan2(y, x)
    for field in (distance, angle):
        field.flags.writeable = False
    return distance, angle
