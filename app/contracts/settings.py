"""What a deployment may decide about its pipeline; validated at synth, read by the Lambdas.

The same dataclasses travel as JSON in the Lambdas' environment (CASTLINE_SETTINGS), so a value that passed
`cdk synth` is a value that the handlers understand. Units are in the names.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Literal

from app.contracts.documents import ContractError
from app.contracts.prices import SERVICES
from app.contracts.rules import INSTANCE_TYPE
from app.contracts.rules import check as _check
from app.contracts.rules import check_instances as _check_instances
from app.contracts.serving import ScalingSettings, ServingSettings

__all__ = [
    "DataSettings", "FileSystemSettings", "GateSettings", "PipelineSettings", "ProcessingSettings",
    "PromotionSettings", "Rung", "ScalingSettings", "ServingSettings", "SpendSettings", "TrainingSettings",
    "VerdictSettings",
]


@dataclasses.dataclass(frozen=True)
class GateSettings:
    """When uploads start a run."""

    min_new_images: int = 20
    """Start once this many new objects lie in the inbox and it has been quiet."""
    quiet_seconds: int = 600
    """The inbox is quiet when its newest object is at least this old."""
    max_wait_seconds: int = 86_400
    """Start anyway once the oldest upload has waited this long."""

    def __post_init__(self) -> None:
        _check(self.min_new_images >= 1, "gate.min_new_images", self.min_new_images, "must be at least 1", "20")
        _check(self.quiet_seconds >= 0, "gate.quiet_seconds", self.quiet_seconds, "must be 0 or more", "600")
        _check(self.max_wait_seconds >= self.quiet_seconds, "gate.max_wait_seconds", self.max_wait_seconds,
               "must be at least gate.quiet_seconds", "86400")


@dataclasses.dataclass(frozen=True)
class Rung:
    """One step of the training ladder: what to ask for; the next rung is tried after a capacity failure."""

    instance_types: tuple[str, ...]
    """Spot takes exactly one type; on-demand takes up to five, in order of preference."""
    spot: bool
    max_wait_seconds: int = 0
    """Spot only: how long queueing and running may take together; at least training.max_runtime_seconds."""


@dataclasses.dataclass(frozen=True)
class FileSystemSettings:
    """What training uses the deployment's EFS file system for (docs/coco.md)."""

    data: bool = False
    """Shards of a version that was copied there are read from there, read-only; those of others come from S3."""
    log_directory: str = ""
    """Directory that is mounted read-write as the channel `log`, for TensorBoard's files and metrics; empty: none."""

    def __post_init__(self) -> None:
        path = self.log_directory
        normal = bool(re.fullmatch(r"(/[A-Za-z0-9_.-]+)*", path)) and not {".", ".."} & set(path.split("/"))
        _check(normal, "training.file_system.log_directory", path,
               "must be empty or an absolute path without `.`, `..` or a slash at its end",
               '"/mask-rcnn/sagemaker/output/log"')

    @property
    def used(self) -> bool:
        """Whether training needs it at all."""
        return self.data or bool(self.log_directory)


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How the model is trained."""

    ladder: tuple[Rung, ...] = (
        Rung(("ml.g5.xlarge",), spot=True, max_wait_seconds=86_400),
        Rung(("ml.g6.xlarge",), spot=True, max_wait_seconds=86_400),
        Rung(("ml.g4dn.2xlarge",), spot=True, max_wait_seconds=86_400),
        Rung(("ml.g5.xlarge", "ml.g6.xlarge", "ml.g4dn.2xlarge"), spot=False),
    )
    max_runtime_seconds: int = 43_200
    volume_gb: int = 100
    instance_count: int = 1
    """Hosts that train together, each with all its GPUs: docs/distribution.md."""
    hyperparameters: dict[str, str] = dataclasses.field(default_factory=lambda: {"preset": "r50"})
    """Passed to the train program; names and meaning in docs/hyperparameters.md."""
    input_mode: Literal["File", "FastFile"] = "File"
    """File copies the shards to the machine first; FastFile streams them, which starts sooner and needs no volume for
    them, but reads each epoch from S3 again."""
    file_system: FileSystemSettings = FileSystemSettings()

    def __post_init__(self) -> None:
        _check(len(self.ladder) > 0, "training.ladder", self.ladder, "needs at least one rung",
               '[{"instance_types": ["ml.g5.xlarge"], "spot": true, "max_wait_seconds": 86400}]')
        _check(60 <= self.max_runtime_seconds <= 2_419_200, "training.max_runtime_seconds",
               self.max_runtime_seconds, "must be 60 to 2419200 (28 days)", "43200")
        _check(1 <= self.volume_gb <= 16_384, "training.volume_gb", self.volume_gb, "must be 1 to 16384", "100")
        _check(1 <= self.instance_count <= 20, "training.instance_count", self.instance_count, "must be 1 to 20", "2")
        _check(len(self.hyperparameters) <= 100, "training.hyperparameters", len(self.hyperparameters),
               "SageMaker takes at most 100", '{"preset": "r50"}')
        for key, value in self.hyperparameters.items():
            _check(len(value) <= 256, f"training.hyperparameters.{key}", value, "at most 256 characters", '"r50"')
        for i, rung in enumerate(self.ladder):
            where = f"training.ladder[{i}]"
            _check_instances(rung.instance_types, f"{where}.instance_types")
            limit = 1 if rung.spot else 5
            _check(1 <= len(rung.instance_types) <= limit, f"{where}.instance_types", rung.instance_types,
                   "spot takes exactly one instance type, on-demand one to five", '["ml.g5.xlarge"]')
            if rung.spot:
                _check(rung.max_wait_seconds >= self.max_runtime_seconds, f"{where}.max_wait_seconds",
                       rung.max_wait_seconds, "must be at least training.max_runtime_seconds", "86400")


@dataclasses.dataclass(frozen=True)
class ProcessingSettings:
    """The machines of prepare and evaluate."""

    prepare_instance_type: str = "ml.m5.xlarge"
    evaluate_instance_type: str = "ml.m5.2xlarge"
    max_runtime_seconds: int = 14_400
    volume_gb: int = 100

    def __post_init__(self) -> None:
        _check_instances((self.prepare_instance_type,), "processing.prepare_instance_type")
        _check_instances((self.evaluate_instance_type,), "processing.evaluate_instance_type")
        _check(60 <= self.max_runtime_seconds <= 432_000, "processing.max_runtime_seconds",
               self.max_runtime_seconds, "must be 60 to 432000 (5 days)", "14400")
        _check(1 <= self.volume_gb <= 16_384, "processing.volume_gb", self.volume_gb, "must be 1 to 16384", "100")


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """How uploads become a data set."""

    part_classes: tuple[str, ...] = ("disk",)
    """Classes that are the part itself; every other class is a defect and makes the verdict NG."""
    classes: tuple[str, ...] = ()
    """The only accepted class names; empty accepts what the first upload brings and holds to it after."""
    aliases: dict[str, str] = dataclasses.field(default_factory=dict)
    """Class name in the labels -> the class it stands for; castline.json of an upload may say more."""
    max_bad_share: float = 0.05
    test_share: float = 0.15
    val_share: float = 0.10
    group_pattern: str = ""
    """Regex over the file name whose first group names the part; empty: every photograph is its own part."""
    instances: int = 1
    """How many machines of processing.prepare_instance_type share the work of prepare; see docs/scale.md."""

    def __post_init__(self) -> None:
        _check(1 <= self.instances <= 100, "data.instances", self.instances, "must be 1 to 100", "4")
        for name in ("max_bad_share", "test_share", "val_share"):
            value = getattr(self, name)
            _check(0.0 <= value < 1.0, f"data.{name}", value, "must be a share from 0 to below 1", "0.05")
        _check(self.test_share + self.val_share < 1, "data.test_share", self.test_share,
               "test_share + val_share must leave something to train on", "0.15")
        try:
            groups = re.compile(self.group_pattern).groups
        except re.error as error:
            raise ContractError(f"data.group_pattern = {self.group_pattern!r}: {error}; "
                                r'for example "^(part\d+)_"') from error
        _check(not self.group_pattern or groups >= 1, "data.group_pattern", self.group_pattern,
               "needs one group in parentheses", r'"^(part\d+)_"')


@dataclasses.dataclass(frozen=True)
class PromotionSettings:
    """When a model may replace the champion."""

    min_mask_ap50: float = 0.10
    """The absolute floor (0 to 1), which the first model must pass too."""
    min_gain: float = 0.0
    """The lower end of the bootstrap interval of the gain in mask AP must be above this."""
    min_recall_per_class: float = 0.0
    """No class with at least `min_recall_instances` test instances may have a lower recall at IoU 0.5."""
    min_recall_instances: int = 10
    bootstrap_samples: int = 1000
    confidence: float = 0.95
    require_approval: bool = False
    """True: a person approves the model package before it is published."""
    approval_timeout_seconds: int = 1_209_600
    """How long a run waits for that person; then its model is rejected. No other run begins meanwhile."""

    def __post_init__(self) -> None:
        for name in ("min_mask_ap50", "min_recall_per_class"):
            value = getattr(self, name)
            _check(0.0 <= value <= 1.0, f"promotion.{name}", value, "must be 0 to 1", "0.1")
        _check(0.5 <= self.confidence < 1.0, "promotion.confidence", self.confidence, "must be 0.5 to below 1", "0.95")
        _check(-1.0 <= self.min_gain <= 1.0, "promotion.min_gain", self.min_gain, "must be -1 to 1", "0.0")
        _check(100 <= self.bootstrap_samples <= 100_000, "promotion.bootstrap_samples", self.bootstrap_samples,
               "must be 100 to 100000", "1000")
        _check(7_200 <= self.approval_timeout_seconds <= 2_592_000, "promotion.approval_timeout_seconds",
               self.approval_timeout_seconds, "must be 7200 (2 hours) to 2592000 (30 days)", "1209600")


@dataclasses.dataclass(frozen=True)
class VerdictSettings:
    """When an answer says NG: any defect instance at least this certain and this large."""

    min_score: float = 0.5
    min_area_px: int = 0

    def __post_init__(self) -> None:
        _check(0.0 <= self.min_score <= 1.0, "verdict.min_score", self.min_score, "must be 0 to 1", "0.5")
        _check(self.min_area_px >= 0, "verdict.min_area_px", self.min_area_px, "must be 0 or more", "20")


@dataclasses.dataclass(frozen=True)
class SpendSettings:
    """What the jobs of runs may cost by the price table; None: no limit. How limits are kept: docs/spend.md."""

    per_run_usd: float | None = None
    """Training is cut short so that no run costs more."""
    per_month_usd: float | None = None
    """The gate starts no run that might make the month (UTC) cost more."""

    def __post_init__(self) -> None:
        for name, example in (("per_run_usd", "50"), ("per_month_usd", "500")):
            value = getattr(self, name)
            _check(value is None or 0 < value < math.inf, f"spend.{name}", value, "must be above 0, or null", example)
        if self.per_run_usd is not None and self.per_month_usd is not None:
            _check(self.per_month_usd >= self.per_run_usd, "spend.per_month_usd", self.per_month_usd,
                   f"must be at least spend.per_run_usd = {self.per_run_usd}, or no run ever starts", "500")


def _check_prices(prices: Mapping[str, Mapping[str, float]]) -> None:
    example = '{"eu-central-1": {"ml.g5.xlarge": 1.76}}'
    for region, usd in prices.items():
        _check(bool(re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region)), "prices", region, "must be an AWS region", example)
        for name, price in usd.items():
            where = f"prices.{region}.{name}"
            _check(name in SERVICES or bool(INSTANCE_TYPE.fullmatch(name)), where, price,
                   f"must name a SageMaker instance type or one of {', '.join(SERVICES)}", example)
            _check(0 < price < math.inf, where, price, "must be above 0 (USD)", example)


@dataclasses.dataclass(frozen=True)
class PipelineSettings:
    """Everything the Lambdas need to know about this deployment's choices."""

    environment: str
    gate: GateSettings = GateSettings()
    data: DataSettings = DataSettings()
    processing: ProcessingSettings = ProcessingSettings()
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    promotion: PromotionSettings = PromotionSettings()
    verdict: VerdictSettings = VerdictSettings()
    serving: ServingSettings = dataclasses.field(default_factory=ServingSettings)
    spend: SpendSettings = SpendSettings()
    prices: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    """Region -> instance type (USD an hour) or service of contracts.prices -> price; wins over the table's."""

    def __post_init__(self) -> None:
        _check_prices(self.prices)
        _check(bool(re.fullmatch(r"[a-z][a-z0-9]{0,9}", self.environment)), "environment", self.environment,
               "must be 1 to 10 lower-case letters or digits, a letter first", '"dev"')


