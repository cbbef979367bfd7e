"""report.html: one page, nothing fetched from elsewhere, for the foundry and the operations team."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.contracts.dataset import VersionManifest
from app.contracts.evaluation import ClassScores, EvaluationResult, ModelScores
from app.contracts.jobs import EvaluateJob
from maskrcnn import pages
from maskrcnn.evaluation import charts, gallery, promotion
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.evaluation.verdicts import sweep

TEMPLATE = "report.html.j2"
LINE_COLORS = (
    "var(--line-1)",
    "var(--line-2)",
    "var(--line-3)",
    "var(--line-4)",
    "var(--line-5)",
    "var(--line-6)",
)
SIZES = (
    ("ap", "all sizes, IoU 0.50 to 0.95"),
    ("ap50", "all sizes, IoU 0.50"),
    ("ap75", "all sizes, IoU 0.75"),
    ("ap_small", "small, below 32 x 32 px"),
    ("ap_medium", "medium, to 96 x 96 px"),
    ("ap_large", "large"),
)


def render(
    job: EvaluateJob,
    manifest: VersionManifest,
    images: Sequence[LabelledImage],
    run: ModelRun,
    result: EvaluationResult,
) -> str:
    """Render the page about the challenger."""
    environment = pages.environment(Path(__file__).parent)
    environment.filters |= {"share": _share, "points": _points, "rate": _rate}
    promoted, headline = promotion.headline(result, job.promotion)
    points = sweep(run.truths, run.answers, manifest.classes, job.verdict.min_area_px)
    curves = _curves(run)
    return environment.get_template(TEMPLATE).render(
        job=job,
        manifest=manifest,
        result=result,
        confusion=run.confusion,
        promoted=promoted,
        headline=headline,
        rules=promotion.rules(result, job.promotion),
        gain_chart=charts.gain_chart(result.gain, job.promotion.min_gain) if result.gain else "",
        sweep_chart=charts.sweep_chart(points, job.verdict.min_score),
        curve_chart=charts.lines(curves, x_title="recall", y_title="precision"),
        curves=curves,
        sizes=_sizes(result),
        classes=_classes(result.challenger, result.champion),
        roles={definition.name: definition.role for definition in manifest.classes},
        gallery=gallery.of(images, run, manifest.classes, job.verdict),
        tones={"escape": "bad", "overkill": "warn", "instance errors": "warn", "correct": "good"},
        splits=manifest.images,
    )


def _sizes(result: EvaluationResult) -> list[dict[str, Any]]:
    """Rows of the table of average precision."""
    champion = result.champion
    return [
        {
            "name": name,
            "mask": getattr(result.challenger.mask, field),
            "box": getattr(result.challenger.box, field),
            "champion_mask": getattr(champion.mask, field) if champion else None,
            "champion_box": getattr(champion.box, field) if champion else None,
        }
        for field, name in SIZES
    ]


def _classes(challenger: ModelScores, champion: ModelScores | None) -> list[tuple[ClassScores, ClassScores | None]]:
    """Each class with the champion's scores for it."""
    before = {scores.name: scores for scores in champion.classes} if champion else {}
    return [(scores, before.get(scores.name)) for scores in challenger.classes]


def _curves(run: ModelRun) -> list[tuple[str, str, charts.Points]]:
    """Precision over recall for every class with labels."""
    curves: list[tuple[str, str, charts.Points]] = []
    for index, name in enumerate(run.masks.class_names):
        precision = run.masks.precision_curve(index)
        if precision.min() >= 0:
            points = [(step / 100, float(value)) for step, value in enumerate(precision)]
            curves.append((name, LINE_COLORS[len(curves) % len(LINE_COLORS)], points))
    return curves


def _share(value: float | None) -> str:
    """Average precision as COCO people read it: 34.5; a dash where there is nothing to measure."""
    return "-" if value is None or value < 0 else f"{value * 100:.1f}"


def _rate(value: float | None) -> str:
    """A rate in per cent."""
    return "-" if value is None or value < 0 else f"{value:.1%}"


def _points(value: float) -> str:
    """A difference in percentage points, with its sign."""
    return f"{value * 100:+.1f}"
