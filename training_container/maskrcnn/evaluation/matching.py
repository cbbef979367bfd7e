"""What was found and what was not, image by image, at the verdict's score threshold and mask IoU 0.5."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from maskrcnn.evaluation.coco import IOU_50, CocoRun


@dataclasses.dataclass(frozen=True)
class Tally:
    """Matches of one image, or of one class in one image.

    Attributes:
        matched: Labels found.
        missed: Labels not found.
        false_alarms: Answers that match no label.
        worst_iou: Lowest mask IoU of a match; 1.0 without any.
    """

    matched: int = 0
    missed: int = 0
    false_alarms: int = 0
    worst_iou: float = 1.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.matched + other.matched,
            self.missed + other.missed,
            self.false_alarms + other.false_alarms,
            min(self.worst_iou, other.worst_iou),
        )


def tally(run: CocoRun, image: int, category: int, min_score: float) -> Tally:
    """Count one image and class (positions) of a mask run.

    COCOeval matches by falling score, so answers below the threshold never changed the matches above it.
    """
    cell = run.cell(image, category)
    if cell is None:
        return Tally()
    label_ids = np.asarray(cell["gtIds"], dtype=int)
    counted = label_ids[np.asarray(cell["gtIgnore"]) == 0]
    certain = np.asarray(cell["dtScores"]) >= min_score
    matches = np.asarray(cell["dtMatches"])[IOU_50].astype(int)
    ignored = np.asarray(cell["dtIgnore"])[IOU_50] > 0
    found = certain & (matches > 0) & ~ignored
    return Tally(
        matched=int(found.sum()),
        missed=len(counted) - int(found.sum()),
        false_alarms=int((certain & (matches == 0) & ~ignored).sum()),
        worst_iou=_worst_iou(run, image, category, matches, found),
    )


def tally_image(run: CocoRun, image: int, min_score: float) -> Tally:
    """Count all classes of one image."""
    return sum((tally(run, image, category, min_score) for category in range(len(run.class_names))), Tally())


def tally_class(run: CocoRun, category: int, min_score: float) -> Tally:
    """Count one class over all images."""
    return sum((tally(run, image, category, min_score) for image in range(run.image_count)), Tally())


@dataclasses.dataclass(frozen=True)
class Errors:
    """What went wrong in one image, as positions in its labels and in the model's answers."""

    missed_labels: frozenset[int]
    false_answers: frozenset[int]


def errors_in(run: CocoRun, image: int, min_score: float) -> Errors:
    """The labels of one image that were not found and the certain answers that match no label."""
    missed, false = set(), set()
    for category in range(len(run.class_names)):
        cell = run.cell(image, category)
        if cell is None:
            continue
        certain = np.asarray(cell["dtScores"]) >= min_score
        matches = np.asarray(cell["dtMatches"])[IOU_50].astype(int)
        ignored = np.asarray(cell["dtIgnore"])[IOU_50] > 0
        found = set(matches[certain])
        missed |= {
            run.label_position(label)
            for label, ignore in zip(cell["gtIds"], cell["gtIgnore"], strict=True)
            if not ignore and label not in found
        }
        wrong = np.flatnonzero(certain & (matches == 0) & ~ignored)
        false |= {run.answer_position(cell["dtIds"][index]) for index in wrong}
    return Errors(frozenset(missed), frozenset(false))


def _worst_iou(run: CocoRun, image: int, category: int, matches: Any, found: Any) -> float:
    if not found.any():
        return 1.0
    # The IoU table has the labels in the order of the test set, and ids rise in that order.
    columns = np.searchsorted(sorted(run.cell(image, category)["gtIds"]), matches[found])  # type: ignore[index]
    overlaps = np.asarray(run.ious(image, category))[np.flatnonzero(found), columns]
    return round(float(overlaps.min()), 4)
