"""Test images with the challenger's own answers: a faithful endpoint must give the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from app.contracts import documents
from app.contracts.evaluation import GoldenAnswer, GoldenSet
from app.contracts.settings import VerdictSettings
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.truth import LabelledImage

SAFE_MARGIN = 0.05
"""Other hardware gives slightly other scores; this far from the threshold the same instances are listed."""


def choose(images: Sequence[LabelledImage], run: ModelRun, wanted: int, settings: VerdictSettings) -> list[int]:
    """Positions of the golden images: OK and NG in turn, those whose scores are clear of the threshold first.

    The images are in the order of their hashes, so the choice is arbitrary but always the same.
    """

    def is_close(index: int) -> bool:
        return any(abs(instance.score - settings.min_score) < SAFE_MARGIN for instance in run.answers[index])

    order = sorted(range(len(images)), key=is_close)
    by_label = [[i for i in order if run.predictions[i].verdict.label == label] for label in ("NG", "OK")]
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*by_label))
    return [index for index in in_turn if index is not None][:wanted]


def write(folder: Path, images: Sequence[LabelledImage], run: ModelRun, chosen: Sequence[int]) -> None:
    """Write golden.json and the images beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    for index in chosen:
        image = images[index]
        name = f"{image.sha256}.{image.extension}"
        (folder / name).write_bytes(image.encoded)
        answers.append(GoldenAnswer(file=name, prediction=run.predictions[index]))
    golden = GoldenSet(run_id=run.scores.run_id, answers=tuple(answers))
    (folder / "golden.json").write_text(documents.to_json(golden))
