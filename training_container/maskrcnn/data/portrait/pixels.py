"""What the pixels say: brightness, sharpness, and the mean picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import Member
from app.contracts.portrait import Outlier, Pixels
from maskrcnn.data.portrait import distributions
from maskrcnn.data.portrait.distributions import Values
from maskrcnn.data.portrait.sampling import Lowest, draw

MEAN_SIDE = 192
EXTREMES = 12
LIMIT = 3.5
"""Modified z-score from which a value is an outlier (Iglewicz and Hoaglin 1993, section 3.4)."""
_MAD_OF_NORMAL, _MEAN_OF_NORMAL = 0.6745, 0.7979

Grey = NDArray[np.uint8]


def decode(body: bytes) -> Grey:
    """The grey levels [height, width] of an image of the data set."""
    return np.asarray(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION),
                      np.uint8)


def sharpness(grey: Grey) -> float:
    """Variance of the Laplacian: low where edges are soft (Pech-Pacheco et al. 2000, LAPV)."""
    return float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1].item() ** 2)


class PixelTally:
    """Adds up decoded images."""

    def __init__(self) -> None:
        self.measured = 0
        self._brightness = Values(distributions.BRIGHTNESS_EDGES)
        self._sharpness = Values(distributions.SHARPNESS_EDGES)
        self._ends: dict[str, Lowest[tuple[float, Member]]] = {
            what: Lowest(EXTREMES) for what in ("dark", "bright", "blurred", "sharp")}
        self._sum = np.zeros((MEAN_SIDE, MEAN_SIDE), np.float64)

    def add(self, member: Member, grey: Grey) -> None:
        """Measure one image."""
        key = draw(member.image_sha256)
        brightness, edges = float(grey.mean()), sharpness(grey)
        self.measured += 1
        self._brightness.add(key, brightness)
        self._sharpness.add(key, edges)
        for what, value in (("dark", brightness), ("bright", -brightness), ("blurred", edges), ("sharp", -edges)):
            self._ends[what].add((value, key), (abs(value), member))
        self._sum += cv2.resize(grey, (MEAN_SIDE, MEAN_SIDE), interpolation=cv2.INTER_AREA)

    def mean_picture(self) -> Grey:
        """The mean of all images, stretched to a square; black where there was none."""
        return np.asarray(self._sum / max(self.measured, 1)).round().astype(np.uint8)

    def result(self) -> tuple[Pixels, list[Member]]:
        """The numbers, and the images of the outliers in the same order."""
        found = sorted(self._outliers(), key=lambda pair: -pair[0].score)
        pixels = Pixels(
            self.measured, self._brightness.bins.result(), self._brightness.spread(), self._sharpness.bins.result(),
            self._sharpness.spread(), tuple(outlier for outlier, _ in found))
        return pixels, [member for _, member in found]

    def _outliers(self) -> list[tuple[Outlier, Member]]:
        """Sharpness is compared on a logarithmic scale: it spans magnitudes."""
        sides: tuple[tuple[Literal["dark", "bright", "blurred", "sharp"], Values, int, bool], ...] = (
            ("dark", self._brightness, -1, False), ("bright", self._brightness, 1, False),
            ("blurred", self._sharpness, -1, True), ("sharp", self._sharpness, 1, True))
        found = []
        for what, values, sign, in_doublings in sides:
            usual = [_log(v) for v in values.sample()] if in_doublings else values.sample()
            for value, member in self._ends[what].items():
                score = sign * modified_z(_log(value) if in_doublings else value, usual)
                if score > LIMIT:
                    outlier = Outlier(member.file_name, member.split, what, round(value, 2), round(score, 1))
                    found.append((outlier, member))
        return found


def modified_z(value: float, usual: Sequence[float]) -> float:
    """How many robust standard deviations a value lies above the median; 0 where all values are the same."""
    centre = float(np.median(usual))
    distances = np.abs(np.asarray(usual) - centre)
    spread = float(np.median(distances)) / _MAD_OF_NORMAL or float(distances.mean()) / _MEAN_OF_NORMAL
    return (value - centre) / spread if spread else 0.0


def _log(value: float) -> float:
    return math.log2(max(value, 2.0**-10))
