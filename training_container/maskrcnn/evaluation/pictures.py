"""Truth beside answer, as pictures: every image, the worst errors first, for the person who must understand them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Verdict
from app.contracts.settings import VerdictSettings
from maskrcnn import overlay
from maskrcnn.evaluation.matching import errors_in
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.serving import images as decoder

WORST = 12
PANEL_PX, SMALL_PANEL_PX = 720, 320
GAP_PX = 12
SHEET_COLUMNS, SHEET_ROWS = 2, 4
"""Pairs of pictures on a contact sheet."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """One image worth showing, with the reason in words."""

    position: int
    file_name: str
    kind: str
    """escape, overkill, instance errors, or correct."""
    explanation: str


def ranked(images: Sequence[LabelledImage], run: ModelRun) -> list[Shown]:
    """All images: escapes first, then overkill, then those with most wrong instances, then by the worst match."""

    def severity(position: int) -> tuple[int, int, float]:
        tally = run.tallies[position]
        order = {"escape": 0, "overkill": 1}.get(_kind(run, position), 2)
        return order, -(tally.missed + tally.false_alarms), tally.worst_iou

    return [_shown(images, run, position) for position in sorted(range(len(images)), key=severity)]


def write(
    folder: Path,
    images: Sequence[LabelledImage],
    run: ModelRun,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
    chosen: Sequence[Shown],
) -> None:
    """Write images as 01-escape-<file>.png and so on, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for rank, shown in enumerate(chosen, start=1):
        picture = side_by_side(images[shown.position], run, shown.position, classes, settings)
        name = f"{rank:02d}-{shown.kind.replace(' ', '-')}-{Path(shown.file_name).stem}.png"
        (folder / name).write_bytes(overlay.to_png(picture))


def write_worst(
    folder: Path,
    images: Sequence[LabelledImage],
    run: ModelRun,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> None:
    """Write the images with the worst errors; faultless ones are left out."""
    faulty = [shown for shown in ranked(images, run) if shown.kind != "correct"]
    write(folder, images, run, classes, settings, faulty[:WORST])


def write_sheets(
    folder: Path,
    images: Sequence[LabelledImage],
    run: ModelRun,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> None:
    """Write contact sheets of all images, the worst first, as sheet-001.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for shown in ranked(images, run):
        drawn = small(images[shown.position], run, shown.position, classes, settings)
        words = f"{shown.kind}: {Path(shown.file_name).name}: {shown.explanation}"
        pairs.append(np.concatenate([overlay.caption(words, drawn.shape[1]), drawn]))
    each = SHEET_COLUMNS * SHEET_ROWS
    for number, start in enumerate(range(0, len(pairs), each), start=1):
        (folder / f"sheet-{number:03d}.png").write_bytes(overlay.to_png(_grid(pairs[start : start + each])))


def _grid(pairs: Sequence[overlay.Picture]) -> overlay.Picture:
    """Pictures in rows on white, each cell as large as the largest."""
    height, width = (max(pair.shape[axis] for pair in pairs) + GAP_PX for axis in (0, 1))
    sheet = np.full((-(-len(pairs) // SHEET_COLUMNS) * height, SHEET_COLUMNS * width, 3), 255, np.uint8)
    for index, pair in enumerate(pairs):
        top, left = index // SHEET_COLUMNS * height, index % SHEET_COLUMNS * width
        sheet[top : top + pair.shape[0], left : left + pair.shape[1]] = pair
    return sheet


def side_by_side(
    image: LabelledImage,
    run: ModelRun,
    position: int,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> overlay.Picture:
    """Labels on the left, answer on the right, each under its verdict; errors have a red line and say what they are."""
    left, right = _panels(image, run, position, classes, settings, PANEL_PX)
    counts = Counter(instance.class_name for instance in image.instances)
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
    verdict = run.predictions[position].verdict
    reasons = "; ".join(verdict.reasons) or "no defect found"
    truth = Verdict(run.truths[position], (f"label: {said}",))  # type: ignore[arg-type]
    return _pair(_titled(left, truth), _titled(right, Verdict(verdict.label, (f"model: {reasons}",))))


def small(
    image: LabelledImage,
    run: ModelRun,
    position: int,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
) -> overlay.Picture:
    """The same without words: outlines, and red lines around the errors."""
    return _pair(*_panels(image, run, position, classes, settings, SMALL_PANEL_PX))


def _panels(
    image: LabelledImage,
    run: ModelRun,
    position: int,
    classes: Sequence[ClassDefinition],
    settings: VerdictSettings,
    side_px: int,
) -> tuple[overlay.Picture, overlay.Picture]:
    """Labels with what was missed, answers with the false alarms."""
    pixels = decoder.decode(image.encoded, max_pixels=image.width * image.height)
    errors = errors_in(run.masks, position, settings.min_score)
    labels = [(label, label.class_name, index in errors.missed_labels, "missed")
              for index, label in enumerate(image.instances)]
    answers = [(answer, f"{answer.class_name} {answer.score:.2f}", index in errors.false_answers, "false alarm")
               for index, answer in enumerate(run.answers[position]) if answer.score >= settings.min_score]
    names = [definition.name for definition in classes if definition.role == "defect"]
    drawn = []
    for described in (labels, answers):
        instances = [instance for instance, *_ in described]
        drawn.append(overlay.draw_instances(
            pixels, instances, overlay.class_colors(instances, names), side_px=side_px,
            texts=[f"{text}: {error}" if wrong else text for _, text, wrong, error in described],
            ringed=[index for index, (*_, wrong, _) in enumerate(described) if wrong], labelled=side_px >= PANEL_PX))
    return drawn[0], drawn[1]


def _pair(left: overlay.Picture, right: overlay.Picture) -> overlay.Picture:
    return np.concatenate([left, np.full((left.shape[0], GAP_PX, 3), 255, np.uint8), right], axis=1)


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
