"""One choice of hyperparameters on one fold: trained by the container's program, its answers kept for scoring."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from maskrcnn import hyperparameters
from maskrcnn.evaluation import model_run, truth
from maskrcnn.layout import Layout
from maskrcnn.predictor import Predictor

from app.contracts import documents, jobs
from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Instance, Prediction
from app.contracts.settings import VerdictSettings
from benchmarks.quality.folds import Fold

ANSWERS = "answers.json"


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is tried."""

    name: str
    hyperparameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Of `NAME` (the demo preset) or `NAME: hyperparameter=value hyperparameter=value`.

        Raises:
            ValueError: a word is no such pair.
        """
        name, _, rest = text.partition(":")
        pairs = [word.partition("=") for word in rest.split()]
        wrong = next(("".join(pair) for pair in pairs if not all(pair)), None)
        if wrong:
            raise ValueError(f"{text!r}: {wrong!r} is no hyperparameter=value: write NAME: epochs=24 mosaic=0.3")
        return cls(name.strip(), {"preset": "demo"} | {key: value for key, _, value in pairs})

    @property
    def digest(self) -> str:
        """The same for the same decided hyperparameters, whatever the name: a preset may change."""
        decided = hyperparameters.resolve(self.hyperparameters).as_strings()
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a trained choice said of the images held out, in the order of their hashes."""

    instances: tuple[tuple[Instance, ...], ...]
    predictions: tuple[Prediction, ...]
    seconds: float
    """Of training, from the start of the program to its end."""


def answers(choice: Choice, fold: Fold, classes: tuple[ClassDefinition, ...], seed: int, work: Path) -> Answers:
    """Train and ask, or read what an earlier call wrote: a long table may be made in several sittings.

    Raises:
        RuntimeError: training failed; its log lies where the message says.
    """
    root = work / "runs" / choice.digest / f"seed {seed}" / fold.name
    kept = root / ANSWERS
    if not kept.exists():
        seconds = _train(choice, fold, seed, root)
        predictor = Predictor.load(Layout(root).model)
        images = truth.read_test_set(fold.test, classes)
        instances, predictions = model_run.predict_all(predictor, images, VerdictSettings())
        beside = kept.with_suffix(".part")
        beside.write_text(documents.to_json(Answers(tuple(instances), tuple(predictions), seconds)))
        beside.rename(kept)
    return documents.from_json(Answers, kept.read_text())


def _train(choice: Choice, fold: Fold, seed: int, root: Path) -> float:
    shutil.rmtree(root, ignore_errors=True)
    layout = Layout(root)
    layout.hyperparameters.parent.mkdir(parents=True)
    layout.hyperparameters.write_text(json.dumps({"run_id": choice.name, "seed": str(seed)} | choice.hyperparameters))
    for channel in ("train", "val", "dataset"):
        layout.channel(channel).parent.mkdir(exist_ok=True)
        layout.channel(channel).symlink_to((fold.folder / channel).resolve())
    began = time.monotonic()
    with (root / "log").open("w") as log:
        ended = subprocess.run(
            [sys.executable, "training_container/bin/train"], stdout=log, stderr=subprocess.STDOUT, check=False,
            env=os.environ | {jobs.ML_ROOT_VARIABLE: str(root.resolve())})
    if ended.returncode:
        raise RuntimeError(f"{choice.name} on {fold.name}: training failed: {layout.failure.read_text()}: {root}/log")
    return time.monotonic() - began
