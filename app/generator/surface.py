"""A flawless casting under a workshop lamp: background, shadow, brushed rim, dark cavity with vanes, hub."""

from __future__ import annotations

import cv2
import numpy as np

from app.generator.geometry import RIM, FloatImage, Pose, Rings


def smooth_noise(random: np.random.Generator, size: int, cells: int) -> FloatImage:
    """Noise in [-1, 1] whose bumps are about size / cells pixels wide; [size, size]."""
    coarse = random.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def inside(distance: FloatImage, ring: float, radius_px: float) -> FloatImage:
    """1 inside the ring, 0 outside, with an edge one pixel soft."""
    return np.asarray(np.clip((ring - distance) * radius_px + 0.5, 0, 1), np.float32)


def paint(random: np.random.Generator, pose: Pose, size: int) -> FloatImage:
    """The picture of a flawless casting, [size, size], 0 (black) to 1 (white)."""
    distance, angle = pose.polar(size)
    rings, lamp = pose.rings, random.uniform(-np.pi, np.pi)
    picture = _background(random, distance, angle, lamp, size)
    for ring, surface in (
        (RIM, _rim(random, distance, angle, lamp, size)),
        (rings.groove, _groove(random, distance, angle, lamp)),
        (rings.lip, _ring(random, distance, angle, lamp, (rings.cavity, rings.lip))),
        (rings.cavity, _cavity(random, distance, angle, rings)),
        (rings.hub, _ring(random, distance, angle, lamp + np.pi, (rings.hole, rings.hub))),
        (rings.hole, _hole(random, distance, angle, lamp, rings)),
    ):
        cover = inside(distance, ring, pose.radius)
        picture = picture * (1 - cover) + surface * cover
    return picture


def _background(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
                size: int) -> FloatImage:
    """The table: grey cloth or, now and then, white paper, with a few specks and the casting's shadow."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    slope = (columns * np.cos(lamp) + rows * np.sin(lamp)) * random.uniform(0.05, 0.2)
    tone = random.uniform(0.78, 0.9) if random.random() < 0.15 else random.uniform(0.52, 0.7)
    table = tone + slope + 0.02 * smooth_noise(random, size, 6)
    for _ in range(random.poisson(5)):
        column, row, radius = (int(v) for v in random.integers((0, 0, 1), (size, size, 3)))
        cv2.circle(table, (column, row), radius, float(tone - random.uniform(0.08, 0.25)), cv2.FILLED)
    away = 0.5 + 0.5 * np.cos(angle - lamp - np.pi)
    shadow = np.exp(-np.clip(distance - 1, 0, None) / random.uniform(0.04, 0.09)) * (0.12 + 0.42 * away)
    return np.asarray(table * (1 - shadow), np.float32)


def _rim(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
         size: int) -> FloatImage:
    """Turned metal: light fans along radii, concentric tool marks, and moire where the marks meet the pixels."""
    fans = sum(
        random.uniform(0.03, 0.09) * np.cos(lobes * (angle - lamp) + random.uniform(-0.4, 0.4))
        for lobes in (1, 2, 2, 3)
    )
    fans = fans + sum(
        random.uniform(0.05, 0.16) * _beam(angle, random.uniform(-np.pi, np.pi), 0.07)
        for _ in range(int(random.integers(1, 4)))
    )
    texture = random.normal(0, 1, 2048).astype(np.float32)[np.clip(distance * 1200, 0, 2047).astype(int)]
    spread = _beam(angle, random.uniform(-np.pi, np.pi), 0.35)
    moire = np.sin(distance * random.uniform(140, 260) + 6 * np.cos(angle * random.integers(8, 14))) * spread
    base = random.uniform(0.7, 0.82) + fans + 0.02 * texture + 0.045 * moire + 0.02 * smooth_noise(random, size, 24)
    edge = np.clip((distance - 0.97) / 0.03, 0, 1) * (0.55 - 0.45 * np.cos(angle - lamp))
    return np.asarray(np.clip(base, 0.3, 0.97) * (1 - 0.8 * edge), np.float32)


def _beam(angle: FloatImage, direction: float, width: float) -> FloatImage:
    """1 along one direction from the axis, falling to 0 over about `width` radians to both sides."""
    return np.asarray(np.exp((np.cos(angle - np.float32(direction)) - 1) * np.float32(2 / width**2)), np.float32)


def _groove(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float) -> FloatImage:
    """A step between rim and lip: black on one side, as bright as the rim on the other, with a glint or two."""
    lit = 0.5 + 0.5 * np.cos(angle - lamp)
    glint = sum(_beam(angle, random.uniform(-np.pi, np.pi), 0.08) for _ in range(2))
    return np.asarray(np.clip(0.05 + 0.62 * lit**2 + 0.4 * glint + 0 * distance, 0, 0.95), np.float32)


def _ring(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
          radii: tuple[float, float]) -> FloatImage:
    """A turned ring with darker chamfers at both edges."""
    inner, outer = radii
    place = np.clip((distance - inner) / (outer - inner), 0, 1)
    chamfer = 1 - 0.35 * np.abs(2 * place - 1) ** 6
    bright = random.uniform(0.68, 0.82) + 0.1 * np.cos(2 * (angle - lamp))
    return np.asarray(bright * chamfer, np.float32)


def _cavity(random: np.random.Generator, distance: FloatImage, angle: FloatImage, rings: Rings) -> FloatImage:
    """Black sand-cast walls with curved vanes that catch a little light."""
    vanes = int(random.integers(6, 9))
    sweep = random.uniform(4.0, 7.0) * random.choice((-1, 1))
    wave = np.cos(vanes * (angle + sweep * distance) + random.uniform(0, 2 * np.pi))
    depth = np.clip((distance - rings.hub) / (rings.cavity - rings.hub), 0, 1)
    glint = np.clip((wave - 0.55) / 0.45, 0, 1) * np.sin(np.pi * depth) * random.uniform(0.6, 1.2)
    walls = 0.05 * np.cos(angle - random.uniform(-np.pi, np.pi)) * depth
    grain = random.normal(0, 0.014, distance.shape)
    return np.asarray(0.085 + walls + 0.075 * glint + grain, np.float32)


def _hole(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
          rings: Rings) -> FloatImage:
    """The table seen through the bore, shaded by its wall."""
    place = np.clip(distance / rings.hole, 0, 1)
    shade = 0.5 + 0.5 * np.cos(angle - lamp) * place
    wall = np.clip((place - 0.86) / 0.14, 0, 1) * 0.35
    return np.asarray((random.uniform(0.26, 0.36) + 0.36 * shade) * (1 - wall), np.float32)
