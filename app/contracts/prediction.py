"""What the endpoint answers."""

from __future__ import annotations

import dataclasses
from typing import Literal

from app.contracts.dataset import Rle


@dataclasses.dataclass(frozen=True)
class Instance:
    """One detected object."""

    class_name: str
    role: Literal["part", "defect"]
    score: float
    bbox: tuple[float, float, float, float]
    """x, y, width, height in pixels of the image that was sent (COCO)."""
    area_px: int
    mask: Rle


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The image-level answer."""

    label: Literal["OK", "NG"]
    reasons: tuple[str, ...]
    """`chipping 0.93, 212 px at (120, 44)`; empty for OK."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The JSON body of a successful POST /invocations."""

    width: int
    height: int
    instances: tuple[Instance, ...]
    """By falling score."""
    verdict: Verdict
    model_version: str
    """The run id of the model."""
    milliseconds: float
    masks_are_boxes: bool = False
    """The model finds boxes alone: each mask is its box."""


@dataclasses.dataclass(frozen=True)
class Answered:
    """One line of what a model said about photographs on this disk; pre-labels are made of such lines."""

    file: str
    """Path of the photograph."""
    name: str
    """Its path below the folder that was asked about."""
    prediction: Prediction


@dataclasses.dataclass(frozen=True)
class PredictionError:
    """The JSON body of every 4xx and 5xx answer."""

    error: str
    """Short name: `empty-body`, `not-an-image`, `image-too-large`, `bad-parameter`, ..."""
    message: str
