"""Documents that several tests need."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts import documents
from app.contracts.dataset import PrepareResult
from app.contracts.evaluation import AveragePrecision, ClassScores, EvaluationResult, Gain, ModelScores, VerdictScores
from app.contracts.runs import Champion
from app.contracts.settings import GateSettings, PipelineSettings, Rung, ServingSettings, TrainingSettings
from lambdas.environment import Environment
from lambdas.requests import serving

BUCKET, TABLE = "castline-dev-data", "castline-dev-state"
ACCOUNT, REGION = "123456789012", "eu-west-1"
SETTINGS = PipelineSettings(
    "dev",
    gate=GateSettings(min_new_images=3, quiet_seconds=60, max_wait_seconds=3600),
    training=TrainingSettings(
        ladder=(
            Rung(("ml.g5.xlarge",), spot=True, max_wait_seconds=7200),
            Rung(("ml.g5.xlarge", "ml.g6.xlarge"), spot=False),
        ),
        max_runtime_seconds=3600,
        hyperparameters={"preset": "r50", "batch_size_per_gpu": "4"},
    ),
)


def variables(settings: PipelineSettings) -> dict[str, str]:
    return {
        "CASTLINE_SETTINGS": documents.to_json(settings),
        "CASTLINE_BUCKET": BUCKET,
        "CASTLINE_TABLE": TABLE,
        "CASTLINE_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:castline-dev-pipeline",
        "CASTLINE_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:castline-dev-notifications",
        "CASTLINE_REPOSITORY": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/castline-dev",
        "CASTLINE_IMAGE_TAG": "tag1",
        **{f"CASTLINE_{job.upper()}_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/castline-dev-{job}"
           for job in ("prepare", "training", "evaluation")},
        "CASTLINE_SERVING_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/castline-dev-serving",
        "CASTLINE_SUBNETS": "subnet-1,subnet-2",
        "CASTLINE_SECURITY_GROUP": "sg-1",
        "CASTLINE_BUILD_PROJECT": "castline-dev-image",
        "CASTLINE_GATE_FUNCTION": "castline-dev-gate",
        "CASTLINE_FILE_SYSTEM": "fs-0123456789abcdef0",
    }


def environment(settings: PipelineSettings = SETTINGS) -> Environment:
    """The deployment as its functions see it."""
    return Environment.read(variables(settings))


def serving_environment(**values: Any) -> Environment:
    """A deployment that serves otherwise."""
    return environment(dataclasses.replace(SETTINGS, serving=ServingSettings(**values)))


RUN_ID, OLD_RUN_ID = "20261102-110000-0a1b2c", "20261101-110000-ffffff"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/castline-dev@sha256:" + "a" * 64
NEW, OLD = (serving.name(environment(), run_id) for run_id in (RUN_ID, OLD_RUN_ID))
CHAMPION = Champion(OLD_RUN_ID, "v0", "s3://castline-dev-data/runs/old/model.tar.gz", IMAGE, OLD, "arn", 0.4, "t")
PREPARED = PrepareResult("v2", "v1", True, {"train": 20}, {"disk": 20}, 22, 2, 1, (), ("supervisely",), 9.0)


def scores(run_id: str, ap50: float, classes: tuple[ClassScores, ...] = ()) -> ModelScores:
    precision = AveragePrecision(ap50 / 2, ap50, ap50 / 3, -1, 0.1, 0.2)
    return ModelScores(run_id, precision, precision, classes, VerdictScores(9, 4, 1, 1, 0, 0, 1), 12.0)


def evaluation(ap50: float, gain: Gain | None = None, classes: tuple[ClassScores, ...] = ()) -> EvaluationResult:
    """Of a first model, or against a champion when there is a gain."""
    champion = scores(OLD_RUN_ID, 0.5) if gain else None
    return EvaluationResult(RUN_ID, "v2", 9, scores(RUN_ID, ap50, classes), champion, gain)
