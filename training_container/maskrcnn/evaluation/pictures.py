"""Truth beside answer, as pictures: the worst errors for the person who must understand them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Verdict
from app.contracts.settings import VerdictSettings
from maskrcnn import overlay
from maskrcnn.evaluation.matching import Errors, errors_in
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.serving import images as decoder

WORST, BEST = 12, 4
PANEL_PX = 720
GAP_PX = 12


@dataclasses.dataclass(frozen=True)
class Shown:
    """One image worth showing, with the reason in words."""

    position: int
    file_name: str
    kind: str
    """escape, overkill, instance errors, or correct."""
    explanation: str


def worst(images: Sequence[LabelledImage], run: ModelRun, limit: int = WORST) -> list[Shown]:
    """Escapes first, then overkill, then images with most wrong instances; faultless images are left out."""

    def severity(position: int) -> tuple[int, int, float]:
        tally = run.tallies[position]
        order = {"escape": 0, "overkill": 1}.get(_kind(run, position), 2)
        return order, -(tally.missed + tally.false_alarms), tally.worst_iou

    faulty = [p for p in range(len(images)) if _kind(run, p) != "correct"]
    return [_shown(images, run, position) for position in sorted(faulty, key=severity)[:limit]]


def best(images: Sequence[LabelledImage], run: ModelRun, limit: int = BEST) -> list[Shown]:
    """Faultless images, NG and OK in turn, those with most correctly found instances first."""

    def merit(position: int) -> tuple[int, float]:
        return -run.tallies[position].matched, -run.tallies[position].worst_iou

    correct = sorted((p for p in range(len(images)) if _kind(run, p) == "correct"), key=merit)
    by_label = [[p for p in correct if run.truths[p] == label] for label in ("NG", "OK")]
    in_turn = [p for pair in itertools.zip_longest(*by_label) for p in pair if p is not None]
    return [_shown(images, run, position) for position in in_turn[:limit]]


def write_worst(
    folder: Path,
    images: Sequence[LabelledImage],
    run: ModelRun,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> None:
    """Write the worst errors as 01-escape-<file>.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for rank, shown in enumerate(worst(images, run), start=1):
        picture = side_by_side(images[shown.position], run, shown.position, classes, settings)
        name = f"{rank:02d}-{shown.kind.replace(' ', '-')}-{Path(shown.file_name).stem}.png"
        (folder / name).write_bytes(overlay.to_png(picture))


def side_by_side(
    image: LabelledImage,
    run: ModelRun,
    position: int,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> overlay.Picture:
    """Labels on the left, answer on the right, each under its verdict; errors are said at the instance."""
    pixels = decoder.decode(image.encoded, max_pixels=image.width * image.height)
    errors = errors_in(run.masks, position, settings.min_score)
    left = _label_panel(pixels, image, run.truths[position], errors, classes)
    right = _answer_panel(pixels, run, position, errors, classes, settings)
    gap = np.full((left.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _label_panel(
    pixels: overlay.Picture,
    image: LabelledImage,
    truth: str,
    errors: Errors,
    classes: Sequence[ClassDefinition],
) -> overlay.Picture:
    texts = [
        f"{instance.class_name}: missed" if index in errors.missed_labels else instance.class_name
        for index, instance in enumerate(image.instances)
    ]
    colors = overlay.class_colors(image.instances, [c.name for c in classes if c.role == "defect"])
    drawing = overlay.draw_instances(pixels, image.instances, colors, texts=texts, side_px=PANEL_PX)
    counts = Counter(instance.class_name for instance in image.instances)
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
    return _titled(drawing, Verdict(truth, (f"label: {said}",)))  # type: ignore[arg-type]


def _answer_panel(
    pixels: overlay.Picture,
    run: ModelRun,
    position: int,
    errors: Errors,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> overlay.Picture:
    shown = [(i, a) for i, a in enumerate(run.answers[position]) if a.score >= settings.min_score]
    instances = [answer for _, answer in shown]
    texts = [
        f"{answer.class_name} {answer.score:.2f}" + (": false alarm" if index in errors.false_answers else "")
        for index, answer in shown
    ]
    colors = overlay.class_colors(instances, [c.name for c in classes if c.role == "defect"])
    drawing = overlay.draw_instances(pixels, instances, colors, texts=texts, side_px=PANEL_PX)
    verdict = run.predictions[position].verdict
    reasons = "; ".join(verdict.reasons) or "no defect found"
    return _titled(drawing, Verdict(verdict.label, (f"model: {reasons}",)))


def _titled(drawing: overlay.Picture, verdict: Verdict) -> overlay.Picture:
    return np.concatenate([overlay.banner(verdict, drawing.shape[1]), drawing])


def _kind(run: ModelRun, position: int) -> str:
    pair = run.truths[position], run.predictions[position].verdict.label
    if pair == ("NG", "OK"):
        return "escape"
    if pair == ("OK", "NG"):
        return "overkill"
    tally = run.tallies[position]
    return "instance errors" if tally.missed or tally.false_alarms else "correct"


def _shown(images: Sequence[LabelledImage], run: ModelRun, position: int) -> Shown:
    tally = run.tallies[position]
    counts = [f"{tally.matched} found"]
    if tally.missed:
        counts.append(f"{tally.missed} missed")
    if tally.false_alarms:
        counts.append(f"{tally.false_alarms} false alarm{'s' if tally.false_alarms > 1 else ''}")
    if tally.matched:
        counts.append(f"worst IoU {tally.worst_iou:.2f}")
    return Shown(position, images[position].file_name, _kind(run, position), ", ".join(counts))
