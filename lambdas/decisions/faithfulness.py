"""Whether the endpoint answers a golden image like the evaluated model did."""

from __future__ import annotations

from app.contracts.prediction import Instance, Prediction

MIN_BOX_IOU = 0.9
SCORE_TOLERANCE = 0.05
"""Machines round differently; a wrong model or wrong preprocessing is off by far more."""

Box = tuple[float, float, float, float]


def differences(file: str, golden: Prediction, answer: Prediction, min_score: float) -> list[str]:
    """List what the endpoint got differently, in sentences; empty when it is faithful.

    Instances are compared from `min_score` up. One that lies within the tolerance above it may be missing on one
    side, because the other side may have fallen just below.
    """
    found = []
    if golden.verdict.label != answer.verdict.label:
        found.append(f"{file}: verdict {answer.verdict.label} instead of {golden.verdict.label}")
    missing, extra = unmatched(golden.instances, answer.instances)
    certain = min_score + SCORE_TOLERANCE
    found += [f"{file}: {_words(i)} is missing" for i in missing if i.score >= certain]
    found += [f"{file}: {_words(i)} is not the evaluated model's" for i in extra if i.score >= certain]
    return found


def unmatched(golden: tuple[Instance, ...], answers: tuple[Instance, ...]) -> tuple[list[Instance], list[Instance]]:
    """Match one to one by class, box and score; return what is left on either side."""
    left = list(answers)
    missing = []
    for wanted in golden:
        fitting = [other for other in left if _same(wanted, other)]
        if fitting:
            left.remove(max(fitting, key=lambda other: box_iou(wanted.bbox, other.bbox)))
        else:
            missing.append(wanted)
    return missing, left


def _same(a: Instance, b: Instance) -> bool:
    return (
        a.class_name == b.class_name
        and abs(a.score - b.score) <= SCORE_TOLERANCE
        and box_iou(a.bbox, b.bbox) >= MIN_BOX_IOU
    )


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x, y, width, height); 0.0 when both are empty."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    total = a[2] * a[3] + b[2] * b[3] - shared
    return shared / total if total > 0 else 0.0


def _words(instance: Instance) -> str:
    x, y, width, height = instance.bbox
    return f"{instance.class_name} {instance.score:.2f} at ({x:.0f}, {y:.0f}, {width:.0f} x {height:.0f})"
