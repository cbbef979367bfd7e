"""The folders that SageMaker gives a container, below a root that CASTLINE_ML_ROOT moves (default /opt/ml)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from app.contracts import jobs


@dataclasses.dataclass(frozen=True)
class Layout:
    """Paths of one job; see app/contracts/jobs.py for who reads and writes what."""

    root: Path

    @classmethod
    def from_environment(cls) -> Layout:
        """The layout below CASTLINE_ML_ROOT, or /opt/ml."""
        return cls(Path(os.environ.get(jobs.ML_ROOT_VARIABLE, "/opt/ml")))

    @property
    def hyperparameters(self) -> Path:
        """JSON object of strings."""
        return self.root / "input/config/hyperparameters.json"

    @property
    def resources(self) -> Path:
        """SageMaker's resourceconfig.json: current_host, hosts."""
        return self.root / "input/config/resourceconfig.json"

    @property
    def processing_resources(self) -> Path:
        """SageMaker's resourceconfig.json of a processing job: current_host, hosts."""
        return self.root / "config/resourceconfig.json"

    @property
    def processing_job(self) -> Path:
        """SageMaker's processingjobconfig.json: the request that made the processing job."""
        return self.root / "config/processingjobconfig.json"

    def channel(self, name: str) -> Path:
        """Folder of one training input channel."""
        return self.root / "input/data" / name

    def processing_input(self, name: str) -> Path:
        """Folder of one processing input."""
        return self.root / "processing/input" / name

    @property
    def job_document(self) -> Path:
        """The JSON job document of prepare and evaluate."""
        return self.root / jobs.JOB_DOCUMENT

    @property
    def processing_output(self) -> Path:
        """What prepare and evaluate leave behind."""
        return self.root / jobs.PROCESSING_OUTPUT

    @property
    def checkpoints(self) -> Path:
        """Synchronised with S3 while training runs."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """Packed as model.tar.gz when training ends; unpacked here for serve."""
        return self.root / "model"

    @property
    def failure(self) -> Path:
        """Read by SageMaker into FailureReason when the program exits non-zero."""
        return self.root / "output/failure"
