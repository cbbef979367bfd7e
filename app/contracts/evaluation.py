"""What evaluate writes below runs/<run>/evaluation/ and compare and the report read.

- result.json: EvaluationResult
- images.jsonl: one ImageResult a line (challenger)
- golden/golden.json: GoldenSet; golden/<sha256>.<ext>: its images
- worst/*.png: the worst errors as pictures
- report.html: a self-contained page
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from app.contracts.prediction import Prediction


@dataclasses.dataclass(frozen=True)
class AveragePrecision:
    """COCO average precision (0 to 1; -1 where there is no ground truth), from COCOeval.stats."""

    ap: float
    """IoU 0.50:0.95."""
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """Quality for one class."""

    name: str
    instances: int
    """Test instances."""
    mask_ap: float
    mask_ap50: float
    box_ap: float
    recall50: float
    """Share of test instances found with mask IoU >= 0.5 at the verdict's score threshold; -1 without any."""


@dataclasses.dataclass(frozen=True)
class VerdictScores:
    """Image-level quality: NG is the positive class."""

    images: int
    ng_images: int
    precision: float
    recall: float
    escape_rate: float
    """Share of NG images called OK."""
    overkill_rate: float
    """Share of OK images called NG."""
    accuracy: float


@dataclasses.dataclass(frozen=True)
class ModelScores:
    """Quality of one model on the frozen test set."""

    run_id: str
    box: AveragePrecision
    mask: AveragePrecision
    classes: tuple[ClassScores, ...]
    verdict: VerdictScores
    milliseconds_per_image: float


@dataclasses.dataclass(frozen=True)
class Gain:
    """Paired bootstrap over test images of challenger mask AP minus champion mask AP."""

    mean: float
    low: float
    high: float
    """Ends of the interval at promotion.confidence."""
    samples: int


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """evaluation/result.json."""

    run_id: str
    version: str
    test_images: int
    challenger: ModelScores
    champion: ModelScores | None
    gain: Gain | None
    """None without a champion."""


@dataclasses.dataclass(frozen=True)
class ImageResult:
    """One line of images.jsonl."""

    image_sha256: str
    file_name: str
    truth: Literal["OK", "NG"]
    verdict: Literal["OK", "NG"]
    matched: int
    missed: int
    false_alarms: int
    worst_iou: float
    """Lowest mask IoU of a matched instance; 1.0 when nothing matched."""


@dataclasses.dataclass(frozen=True)
class GoldenAnswer:
    """One test image with the evaluated model's own answer."""

    file: str
    """Below evaluation/golden/."""
    prediction: Prediction


@dataclasses.dataclass(frozen=True)
class GoldenSet:
    """evaluation/golden/golden.json: what a faithful endpoint must answer."""

    run_id: str
    answers: tuple[GoldenAnswer, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """runs/<run>/evaluation/comparison.json: the decision and why; written by the compare Lambda."""

    promote: bool
    reasons: tuple[str, ...]
    challenger_ap: float
    champion_ap: float | None
    gain_low: float | None
    gain_high: float | None
