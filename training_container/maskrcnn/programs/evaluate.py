"""Program `evaluate`: challenger and champion on the same frozen test set.

Reads and writes what app/contracts/jobs.py and app/contracts/evaluation.py say.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.contracts import documents
from app.contracts.dataset import VersionManifest
from app.contracts.evaluation import EvaluationResult
from app.contracts.jobs import EvaluateJob
from maskrcnn import program
from maskrcnn.evaluation import bootstrap, golden, pictures, report
from maskrcnn.evaluation.artifact import unpack
from maskrcnn.evaluation.model_run import ModelRun, image_results, run_model
from maskrcnn.evaluation.truth import LabelledImage, read_test_set
from maskrcnn.layout import Layout
from maskrcnn.serving.answer import SegmentationModel

log = logging.getLogger("castline.evaluate")

Load = Callable[[Path], SegmentationModel]


def main() -> int:
    """Evaluate as the job document says."""
    return program.main(lambda layout: evaluate(layout, _load))


def evaluate(layout: Layout, load: Load) -> None:
    """Run both models, compare them, and write every document of the evaluation.

    Args:
        layout: The folders of the job.
        load: Gives the model in an unpacked artifact.
    """
    job = documents.from_json(EvaluateJob, program.read_input(layout.job_document))
    manifest = documents.from_json(
        VersionManifest, program.read_input(layout.processing_input("dataset") / "manifest.json")
    )
    images = read_test_set(layout.processing_input("test"), manifest.classes)
    log.info("version %s: %d test images", manifest.version, len(images))

    challenger = _run(layout, "challenger", job, manifest, images, load)
    champion = _run(layout, "champion", job, manifest, images, load) if job.champion_run_id else None
    rule = job.promotion
    result = EvaluationResult(
        run_id=job.run_id,
        version=job.version,
        test_images=len(images),
        challenger=challenger.scores,
        champion=champion.scores if champion else None,
        gain=bootstrap.gain(
            challenger.masks, champion.masks, samples=rule.bootstrap_samples, confidence=rule.confidence
        )
        if champion
        else None,
    )
    _write(layout.processing_output, job, manifest, images, challenger, result)
    log.info("mask AP %.4f, box AP %.4f", result.challenger.mask.ap, result.challenger.box.ap)


def _run(
    layout: Layout,
    who: str,
    job: EvaluateJob,
    manifest: VersionManifest,
    images: list[LabelledImage],
    load: Load,
) -> ModelRun:
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=f"{who}-") as folder:
        model = load(unpack(layout.processing_input(who), Path(folder)))
    log.info("%s: model of run %s", who, model.card.run_id)
    return run_model(model, images, manifest.classes, job.verdict)


def _write(
    output: Path,
    job: EvaluateJob,
    manifest: VersionManifest,
    images: list[LabelledImage],
    run: ModelRun,
    result: EvaluationResult,
) -> None:
    output.mkdir(parents=True, exist_ok=True)
    lines = [documents.to_json(line) + "\n" for line in image_results(images, run)]
    (output / "images.jsonl").write_text("".join(lines))
    golden.write(output / "golden", images, run, golden.choose(images, run, job.golden_images, job.verdict))
    pictures.write_worst(output / "worst", images, run, manifest.classes, job.verdict)
    page = report.render(job, manifest, images, run, result)
    (output / "report.html").write_text(page)
    # Last: whoever finds result.json finds everything else too.
    (output / "result.json").write_text(documents.to_json(result, indent=2))


def _load(model_dir: Path) -> SegmentationModel:
    from maskrcnn.predictor import Predictor  # TensorFlow takes seconds: a bad job document is said before

    return Predictor.load(model_dir)
