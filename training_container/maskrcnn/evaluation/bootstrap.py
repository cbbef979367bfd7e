"""How sure is the gain? A paired bootstrap over test images of the mask AP of two models.

Both models are scored on the same resampled images, a thousand times. Matching labels and answers does not
depend on which images are drawn, so it is done once (by COCOeval), and a draw is a vector of weights: how
often each image occurs. With C[image, p] = how many true (false) positives of an image rank at or above the
p-th true positive, the cumulative counts of all draws are one matrix product, weights @ C; precision matters
only at true positives, since COCO's interpolated precision takes its values there. The result is what
COCOeval gives for a test set in which the drawn images are repeated.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from app.contracts.evaluation import Gain
from maskrcnn.evaluation.coco import CocoRun

SEED = 20_260_101
RECALL_STEPS = 101
Weights = NDArray[np.float64]
"""[draws, images]: how often each image occurs in each draw."""


@dataclasses.dataclass(frozen=True)
class ClassCounts:
    """What one class contributes, per image.

    Attributes:
        labels: [images] labels that count.
        true: For each IoU threshold [images, P]: true positives at or above the p-th one.
        false: For each IoU threshold [images, P]: false positives above the p-th true positive.
    """

    labels: NDArray[np.float64]
    true: tuple[NDArray[np.float64], ...]
    false: tuple[NDArray[np.float64], ...]


def gain(challenger: CocoRun, champion: CocoRun, *, samples: int, confidence: float, seed: int = SEED) -> Gain:
    """The gain of the challenger in AP with its interval; both runs are over the same images and classes."""
    weights = draw(challenger.image_count, samples, seed)
    difference = average_precision(challenger, weights) - average_precision(champion, weights)
    difference = difference[np.isfinite(difference)]  # a draw without any label says nothing
    if difference.size == 0:
        return Gain(0.0, 0.0, 0.0, 0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(difference, (tail, 1 - tail))
    return Gain(
        mean=round(float(difference.mean()), 6),
        low=round(float(low), 6),
        high=round(float(high), 6),
        samples=int(difference.size),
    )


def draw(images: int, samples: int, seed: int) -> Weights:
    """Draw `images` images with replacement, `samples` times."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=samples).astype(np.float64)


def average_precision(run: CocoRun, weights: Weights) -> NDArray[np.float64]:
    """AP (IoU 0.50:0.95, all sizes, classes averaged) of every draw; NaN where a draw has no label at all."""
    total, present = np.zeros(len(weights)), np.zeros(len(weights))
    for category in range(len(run.class_names)):
        counts = count(run, category)
        labels = weights @ counts.labels
        pairs = zip(counts.true, counts.false, strict=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            ap = np.mean([_interpolated(weights @ t, weights @ f, labels) for t, f in pairs], axis=0)
        total += np.where(labels > 0, ap, 0.0)
        present += labels > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / present)


def _interpolated(true: Weights, false: Weights, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the recall steps of the interpolated precision, of every draw.

    Args:
        true: [draws, P] cumulative true positives at each true positive.
        false: [draws, P] cumulative false positives there.
        labels: [draws].
    """
    precision = np.nan_to_num(true / (true + false))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = np.nan_to_num(true / labels[:, None])
    steps = np.linspace(0.0, 1.0, RECALL_STEPS)
    reached = np.searchsorted(steps, recall, side="right")  # how many recall steps lie at or below
    fresh = np.diff(reached, axis=1, prepend=0)
    return np.asarray((envelope * fresh).sum(axis=1) / RECALL_STEPS)


def count(run: CocoRun, category: int) -> ClassCounts:
    """Count the matches of one class as COCOeval ranks them: by score, ties in the order of the images."""
    cells = [(image, run.cell(image, category)) for image in range(run.image_count)]
    labels = np.zeros(run.image_count)
    scores, owners, matched, ignored = [], [], [], []
    thresholds = len(run.evaluator.params.iouThrs)
    for image, cell in cells:
        if cell is None:
            continue
        labels[image] = np.count_nonzero(np.asarray(cell["gtIgnore"]) == 0)
        scores.append(np.asarray(cell["dtScores"]))
        owners.append(np.full(len(cell["dtScores"]), image))
        matched.append(np.asarray(cell["dtMatches"]).reshape(thresholds, -1) > 0)
        ignored.append(np.asarray(cell["dtIgnore"]).reshape(thresholds, -1) > 0)
    if not scores:
        nothing = tuple(np.zeros((run.image_count, 0)) for _ in range(thresholds))
        return ClassCounts(labels, nothing, nothing)
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    owner = np.concatenate(owners)[order]
    is_true = (np.concatenate(matched, axis=1) & ~np.concatenate(ignored, axis=1))[:, order]
    is_false = (~np.concatenate(matched, axis=1) & ~np.concatenate(ignored, axis=1))[:, order]
    pairs = [_at_true_positives(run.image_count, owner, t, f) for t, f in zip(is_true, is_false, strict=True)]
    return ClassCounts(labels, tuple(t for t, _ in pairs), tuple(f for _, f in pairs))


def _at_true_positives(
    images: int, owner: NDArray[np.int64], is_true: NDArray[np.bool_], is_false: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cumulative counts per image, at the true positives alone: [images, P] each."""
    rank = np.flatnonzero(is_true)
    # Each answer belongs to the segment that ends with the next true positive (side left: itself included).
    segment = np.searchsorted(rank, np.arange(len(owner)), side="left")
    counts = []
    for flags in (is_true, is_false):
        table = np.zeros((images, len(rank) + 1))  # the last column is behind the last true positive
        np.add.at(table, (owner[flags], segment[flags]), 1.0)
        counts.append(np.cumsum(table[:, :-1], axis=1))
    return counts[0], counts[1]
