"""The three defects of the shop floor, painted into a casting, each with its exact mask.

Sizes follow real castings 512 pixels wide: chipping about 17 px on its longer side, holes 20, burrs 59.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.generator.geometry import FloatImage, Pose

Mask = NDArray[np.bool_]
REFERENCE_SIZE = 512


def blob(random: np.random.Generator, size: int, center: tuple[float, float], radius: float,
         stretch: float, raggedness: float) -> Mask:
    """An irregular closed shape; [size, size] bool."""
    corners = 24
    turn = random.uniform(0, 2 * np.pi)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    rough = random.normal(0, raggedness, corners)
    reach = radius * np.clip(1 + (rough + np.roll(rough, 1)) / 2, 0.35, 1.9)
    x, y = reach * np.cos(angles) * stretch, reach * np.sin(angles) / stretch
    points = np.stack([center[0] + x * np.cos(turn) - y * np.sin(turn),
                       center[1] + x * np.sin(turn) + y * np.cos(turn)], axis=1)
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 1, shift=4)
    return canvas.astype(bool)


def chipping(random: np.random.Generator, picture: FloatImage, pose: Pose, disc: Mask) -> Mask:
    """A bite out of an edge: dark, with a bright fresh-metal fleck. Paints into `picture`."""
    size = len(picture)
    edge = random.choice((0.985, pose.rings.groove + 0.02, random.uniform(0.68, 0.95)), p=(0.5, 0.25, 0.25))
    radius = size / REFERENCE_SIZE * random.lognormal(np.log(6.0), 0.4)
    center = pose.point(edge, random.uniform(-np.pi, np.pi))
    mask = blob(random, size, center, radius, random.uniform(1.0, 1.6), 0.35) & disc
    _stain(random, picture, mask, dark=random.uniform(0.05, 0.22), fleck=random.uniform(0.75, 1.0))
    return mask


def hole(random: np.random.Generator, picture: FloatImage, pose: Pose, disc: Mask) -> Mask:
    """A blow-hole: a round black pit with a lit far wall. Paints into `picture`."""
    size = len(picture)
    radius = size / REFERENCE_SIZE * random.lognormal(np.log(9.0), 0.25)
    center = pose.point(random.uniform(pose.rings.groove + 0.08, 0.93), random.uniform(-np.pi, np.pi))
    mask = blob(random, size, center, radius, random.uniform(1.0, 1.2), 0.08) & disc
    depth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(radius / 5, 0.8))
    picture[mask] = (0.04 + 0.5 * (1 - depth) * picture)[mask]
    shift = np.roll(mask, (int(radius / 3) + 1, int(radius / 3) + 1), (0, 1))
    picture[mask & ~shift] = np.clip(picture[mask & ~shift] + 0.22, 0, 1)
    return mask


def burr(random: np.random.Generator, picture: FloatImage, pose: Pose, disc: Mask) -> Mask:
    """Flash left by the mould: a ragged tongue along the rim, partly over the table. Paints into `picture`."""
    distance, angle = pose.polar(len(picture))
    start, span = random.uniform(-np.pi, np.pi), np.clip(random.lognormal(np.log(0.28), 0.5), 0.12, 1.0)
    along = np.mod(angle - start, 2 * np.pi) / span
    near = (along <= 1) & (distance > 0.95) & (distance < 1.25)
    place, height = along[near], distance[near]
    reach = 0.006 + random.uniform(0.012, 0.034) * _outline(random, place, 5) + 0.010 * _outline(random, place, 22)
    mask = np.zeros(near.shape, bool)
    mask[near] = (height > 0.993 - 0.012 * _outline(random, place, 9)) & (height < 1.0 + reach)
    mask &= cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)).astype(bool)
    mask = _largest_piece(mask)
    _stain(random, picture, mask, dark=random.uniform(0.08, 0.25), fleck=random.uniform(0.8, 1.0))
    return mask


def _outline(random: np.random.Generator, along: FloatImage, knots: int) -> FloatImage:
    """A random height from 0 to about 2 over `along` (0 to 1), flat at both ends; more knots are more ragged."""
    heights = np.abs(random.normal(0, 1, knots))
    heights[[0, -1]] = 0.0
    return np.asarray(np.interp(along, np.linspace(0, 1, knots), heights), np.float32)


def _stain(random: np.random.Generator, picture: FloatImage, mask: Mask, *, dark: float, fleck: float) -> None:
    """Fill the mask with dark broken metal and a few bright flecks."""
    if not mask.any():
        return
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    window, inside = picture[y : y + height, x : x + width], mask[y : y + height, x : x + width]
    rough = cv2.GaussianBlur(random.normal(0, 1, window.shape).astype(np.float32), (0, 0), 1.6)
    grain = rough / max(float(np.abs(rough[inside]).max()), 1e-6)
    metal = np.where(grain > 0.62, fleck, np.clip(dark + 0.12 * grain, 0.02, 1))
    window[inside] = metal[inside]


def _largest_piece(mask: Mask) -> Mask:
    """One instance is one piece of metal: keep the largest connected component."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA])))
