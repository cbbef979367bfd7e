"""What the Lambdas hand to the jobs, and what the job-state resolver hands back to the state machine.

Layout inside every container, below a root that CASTLINE_ML_ROOT moves (default /opt/ml):

    prepare   processing/input/job/job.json (PrepareJob)   -> processing/output/  (result.json, findings.json)
    evaluate  processing/input/job/job.json (EvaluateJob), processing/input/challenger/model.tar.gz,
              processing/input/champion/model.tar.gz (only when there is a champion),
              processing/input/dataset/manifest.json, processing/input/test/*.tfrecord
                                                           -> processing/output/  (evaluation/keys below)
    train     input/config/{hyperparameters,inputdataconfig,resourceconfig}.json,
              input/data/train/*.tfrecord, input/data/val/*.tfrecord, input/data/dataset/manifest.json,
              input/data/weights/* (only when a hyperparameter names weights to start from),
              input/data/log/ (only with training.file_system.log_directory; written)
                                                           -> model/, checkpoints/
    serve     model/ (the unpacked artifact); GET /ping, POST /invocations on SAGEMAKER_BIND_TO_PORT or 8080
    all       output/failure (errors.Failure) on failure
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from app.contracts.settings import DataSettings, PromotionSettings, VerdictSettings

ML_ROOT_VARIABLE = "CASTLINE_ML_ROOT"
HOST_ADDRESSES_VARIABLE = "CASTLINE_HOST_ADDRESSES"
"""`algo-1=127.0.0.1:4001,algo-2=...`: where the hosts of a training job listen, where their names do not lead there."""
JOB_DOCUMENT = "processing/input/job/job.json"
PROCESSING_OUTPUT = "processing/output"

JobKind = Literal["training", "processing", "endpoint", "approval"]


@dataclasses.dataclass(frozen=True)
class PrepareJob:
    """What prepare works on. It reads exact object versions itself: a channel cannot pin versions."""

    run_id: str
    bucket: str
    snapshot_key: str
    parent_version: str | None
    data: DataSettings


@dataclasses.dataclass(frozen=True)
class EvaluateJob:
    """What evaluate works on."""

    run_id: str
    version: str
    champion_run_id: str | None
    golden_images: int
    promotion: PromotionSettings
    verdict: VerdictSettings


@dataclasses.dataclass(frozen=True)
class JobResult:
    """Output of a finished job as the state machine sees it; always small."""

    job_name: str
    kind: JobKind
    status: str
    seconds: int
    billable_seconds: int
    instance_type: str = ""
    spot: bool = False
    interruptions: int = 0
    model_artifact: str = ""
    """s3:// address of model.tar.gz; training only."""
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)
    batch_halvings: int = 0
    """How often the batch was halved because memory ran out; training only."""
    instance_count: int = 1
