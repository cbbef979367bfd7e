"""A flawless casting under a workshop lamp: background, shadow, brushed rim, dark cavity with vanes, hub."""

from __future__ import annotations

import cv2
import numpy as np

from app.generator.geometry import CAVITY, GROOVE, HOLE, HUB, LIP, RIM, FloatImage, Pose


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
    lamp = random.uniform(-np.pi, np.pi)
    picture = _background(random, distance, angle, lamp, size)
    for ring, surface in (
        (RIM, _rim(random, distance, angle, lamp, size)),
        (GROOVE, _groove(distance, angle, lamp)),
        (LIP, _lip(random, distance, angle, lamp)),
        (CAVITY, _cavity(random, distance, angle)),
        (HUB, _lip(random, distance, angle, lamp + np.pi)),
        (HOLE, _hole(random, distance, angle, lamp)),
    ):
        cover = inside(distance, ring, pose.radius)
        picture = picture * (1 - cover) + surface * cover
    return picture


def _background(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
                size: int) -> FloatImage:
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    slope = (columns * np.cos(lamp) + rows * np.sin(lamp)) * random.uniform(0.05, 0.2)
    table = random.uniform(0.58, 0.76) + slope + 0.02 * smooth_noise(random, size, 6)
    away = 0.5 + 0.5 * np.cos(angle - lamp - np.pi)
    shadow = np.exp(-np.clip(distance - 1, 0, None) / 0.07) * (0.12 + 0.42 * away)
    return np.asarray(table * (1 - shadow), np.float32)


def _rim(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float,
         size: int) -> FloatImage:
    """Turned metal: light fans along radii, and fine concentric tool marks."""
    fans = sum(
        random.uniform(0.04, 0.12) * np.cos(lobes * (angle - lamp) + random.uniform(-0.4, 0.4))
        for lobes in (1, 2, 2, 3)
    )
    turns = random.normal(0, 1, 2048).astype(np.float32)
    marks = cv2.GaussianBlur(turns[None], (1, 1), 0)[0]
    texture = marks[np.clip(distance * 1200, 0, 2047).astype(int)]
    base = random.uniform(0.62, 0.74) + fans + 0.018 * texture + 0.02 * smooth_noise(random, size, 24)
    edge = np.clip((distance - 0.975) / 0.025, 0, 1) * (0.5 - 0.5 * np.cos(angle - lamp))
    return np.asarray(np.clip(base, 0.3, 0.97) * (1 - 0.65 * edge), np.float32)


def _groove(distance: FloatImage, angle: FloatImage, lamp: float) -> FloatImage:
    return np.asarray(0.06 + 0.5 * (0.5 + 0.5 * np.cos(angle - lamp)) + 0 * distance, np.float32)


def _lip(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float) -> FloatImage:
    bright = random.uniform(0.66, 0.8) + 0.12 * np.cos(2 * (angle - lamp))
    return np.asarray(bright + 0 * distance, np.float32)


def _cavity(random: np.random.Generator, distance: FloatImage, angle: FloatImage) -> FloatImage:
    """Black sand-cast walls with curved vanes that catch a little light."""
    vanes = int(random.integers(6, 9))
    sweep = random.uniform(3.0, 5.0) * random.choice((-1, 1))
    wave = np.cos(vanes * (angle + sweep * distance) + random.uniform(0, 2 * np.pi))
    glint = np.clip((wave - 0.72) / 0.28, 0, 1) * np.clip((distance - HUB - 0.03) / 0.1, 0, 1)
    grain = random.normal(0, 0.012, distance.shape)
    return np.asarray(0.075 + 0.09 * glint + grain, np.float32)


def _hole(random: np.random.Generator, distance: FloatImage, angle: FloatImage, lamp: float) -> FloatImage:
    """The table seen through the bore, shaded by its wall."""
    shade = 0.5 + 0.5 * np.cos(angle - lamp) * np.clip(distance / HOLE, 0, 1)
    return np.asarray(random.uniform(0.22, 0.32) + 0.38 * shade, np.float32)
