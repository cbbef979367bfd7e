"""Documents that several tests need."""

from __future__ import annotations

from app.contracts import names
from app.contracts.dataset import PrepareResult
from app.contracts.evaluation import AveragePrecision, ClassScores, EvaluationResult, Gain, ModelScores, VerdictScores
from app.contracts.runs import Champion

RUN_ID, OLD_RUN_ID = "20261102-110000-0a1b2c", "20261101-110000-ffffff"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/castline-dev@sha256:" + "a" * 64
NEW, OLD = names.serving("dev", RUN_ID), names.serving("dev", OLD_RUN_ID)
CHAMPION = Champion(OLD_RUN_ID, "v0", "s3://castline-dev-data/runs/old/model.tar.gz", IMAGE, OLD, "arn", 0.4, "t")
PREPARED = PrepareResult("v2", "v1", True, {"train": 20}, {"disk": 20}, 22, 2, 1, (), ("supervisely",), 9.0)


def scores(run_id: str, ap50: float, classes: tuple[ClassScores, ...] = ()) -> ModelScores:
    precision = AveragePrecision(ap50 / 2, ap50, ap50 / 3, -1, 0.1, 0.2)
    return ModelScores(run_id, precision, precision, classes, VerdictScores(9, 4, 1, 1, 0, 0, 1), 12.0)


def evaluation(ap50: float, gain: Gain | None = None, classes: tuple[ClassScores, ...] = ()) -> EvaluationResult:
    """Of a first model, or against a champion when there is a gain."""
    champion = scores(OLD_RUN_ID, 0.5) if gain else None
    return EvaluationResult(RUN_ID, "v2", 9, scores(RUN_ID, ap50, classes), champion, gain)
