"""What a deployment may decide: read from cdk.json, overlaid by environment, checked before all else.

cdk.json holds the key `castline` (what all environments share) and one `castline:<environment>` key for each
environment; the two are merged deeply, and the environment's own value wins.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from app.contracts import prices, worst_case
from app.contracts.documents import ContractError, from_plain, to_json
from app.contracts.settings import PipelineSettings

DEFAULT_ENVIRONMENT = "dev"
CONTEXT_KEY = "castline"
MAX_SETTINGS_BYTES = 2_800
"""A Lambda environment holds 4 KB; the settings share it with the names and ARNs of the resources."""

CREATE_KEY = "create"
KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
POLICY = re.compile(r"(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+|[\w+=,.@-]{1,128})?")

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
"""What CloudWatch Logs accepts."""


def _check(ok: bool, where: str, value: Any, rule: str, example: str) -> None:
    if not ok:
        raise ContractError(f"{where} = {value!r}: {rule}; for example {example}")


@dataclasses.dataclass(frozen=True)
class TriggerSettings:
    """What wakes the pipeline, and how often."""

    queue_window_seconds: int = 300
    """Uploads of one window wake the gate once."""
    gate_every_minutes: int = 15
    """The gate looks at the inbox this often even when no upload event arrived."""
    reconcile_every_minutes: int = 10
    """Lost job events are made up for this often; must stay well below the one-hour heartbeat of a job."""

    def __post_init__(self) -> None:
        _check(
            0 <= self.queue_window_seconds <= 300,
            "triggers.queue_window_seconds",
            self.queue_window_seconds,
            "must be 0 to 300",
            "300",
        )
        _check(
            1 <= self.gate_every_minutes <= 1440,
            "triggers.gate_every_minutes",
            self.gate_every_minutes,
            "must be 1 to 1440 (a day)",
            "15",
        )
        _check(
            1 <= self.reconcile_every_minutes <= 20,
            "triggers.reconcile_every_minutes",
            self.reconcile_every_minutes,
            "must be 1 to 20",
            "10",
        )


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """The private network of the jobs."""

    cidr: str = "10.42.0.0/16"

    def __post_init__(self) -> None:
        rule = "must be a private IPv4 network of size /16 to /24"
        try:
            network = ipaddress.IPv4Network(self.cidr)
        except ValueError as error:
            raise ContractError(f'network.cidr = {self.cidr!r}: {rule} ({error}); for example "10.42.0.0/16"') from None
        _check(
            network.is_private and 16 <= network.prefixlen <= 24,
            "network.cidr",
            self.cidr,
            rule,
            '"10.42.0.0/16"',
        )


@dataclasses.dataclass(frozen=True)
class StorageSettings:
    """What lies beside the bucket."""

    datasync: bool = False
    """A DataSync task that copies from the bucket to the EFS file system when `app stage-coco --efs` or
    `app data copy` asks for it; a task that does not run costs nothing."""


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """How CodeBuild builds the container."""

    flavour: Literal["cpu", "gpu"] = "gpu"
    """Which TensorFlow goes in: `cpu` is 1.8 GB and cannot use a GPU, `gpu` is 6.8 GB and runs on both."""
    base_image: str = "public.ecr.aws/docker/library/python:3.12-slim"
    """Amazon's mirror of the official image: Docker Hub limits anonymous pulls."""

    def __post_init__(self) -> None:
        _check(
            bool(re.fullmatch(r"[a-z0-9./:@_-]+", self.base_image)),
            "image.base_image",
            self.base_image,
            "must be the address of a container image",
            '"public.ecr.aws/docker/library/python:3.12-slim"',
        )


@dataclasses.dataclass(frozen=True)
class OperationsSettings:
    """What the operations team gets."""

    notification_email: str = ""
    """Receives alarms and the result of every run, once confirmed in Amazon's mail; empty: nobody."""
    log_retention_days: int = 90
    noncurrent_version_days: int = 90
    """How long S3 keeps what was overwritten or deleted."""

    def __post_init__(self) -> None:
        _check(
            bool(re.fullmatch(r"([^@\s]+@[^@\s]+\.[^@\s]+)?", self.notification_email)),
            "operations.notification_email",
            self.notification_email,
            "must be one e-mail address or empty",
            '"quality@foundry.example"',
        )
        _check(
            self.log_retention_days in LOG_RETENTION_DAYS,
            "operations.log_retention_days",
            self.log_retention_days,
            f"CloudWatch Logs accepts {', '.join(map(str, LOG_RETENTION_DAYS))}",
            "90",
        )
        _check(
            1 <= self.noncurrent_version_days <= 3650,
            "operations.noncurrent_version_days",
            self.noncurrent_version_days,
            "must be 1 to 3650",
            "90",
        )


@dataclasses.dataclass(frozen=True)
class SecuritySettings:
    """What an organisation's own rules may add; docs/security.md says what holds without them."""

    kms_key_arn: str = ""
    """Encrypts at rest what takes a customer-managed key: the ARN of a key in the deployment's region; `create`: one
    that the data stack makes; empty: keys of AWS. To be decided before the first deployment: EFS and ECR take their
    key for life."""
    permissions_boundary: str = ""
    """Name or ARN of the managed IAM policy that bounds every role; empty: none."""

    def __post_init__(self) -> None:
        _check(
            self.kms_key_arn in ("", CREATE_KEY) or bool(KEY_ARN.fullmatch(self.kms_key_arn)),
            "security.kms_key_arn",
            self.kms_key_arn,
            f'must be the ARN of a KMS key (an alias will not do in IAM policies), "{CREATE_KEY}", or empty',
            f'"{CREATE_KEY}"',
        )
        _check(
            bool(POLICY.fullmatch(self.permissions_boundary)),
            "security.permissions_boundary",
            self.permissions_boundary,
            "must be the name or the ARN of a managed policy, or empty",
            '"developer-boundary"',
        )


@dataclasses.dataclass(frozen=True)
class DeploymentSettings:
    """Everything the stacks need to know; `pipeline` is what also travels to the Lambdas."""

    pipeline: PipelineSettings
    triggers: TriggerSettings = TriggerSettings()
    network: NetworkSettings = NetworkSettings()
    storage: StorageSettings = StorageSettings()
    image: ImageSettings = ImageSettings()
    operations: OperationsSettings = OperationsSettings()
    security: SecuritySettings = SecuritySettings()

    def __post_init__(self) -> None:
        size = len(to_json(self.pipeline).encode())
        if size > MAX_SETTINGS_BYTES:
            raise ContractError(
                f"the pipeline settings take {size} bytes as JSON: a Lambda environment has room for "
                f"{MAX_SETTINGS_BYTES}; for example shorten training.hyperparameters or data.classes"
            )

    @property
    def environment(self) -> str:
        """Name of the environment: `local`, `dev`, `prod`, ..."""
        return self.pipeline.environment


def read(context: Callable[[str], Any]) -> DeploymentSettings:
    """Read the settings of the environment that `-c env=...` names.

    Args:
        context: Looks up a context key, as `app.node.try_get_context` does; None for an absent one.

    Raises:
        ContractError: a value breaks its rule; the message names the setting, the rule and an example.
    """
    environment = context("env") or DEFAULT_ENVIRONMENT
    overlay_key = f"{CONTEXT_KEY}:{environment}"
    shared, overlay = context(CONTEXT_KEY), context(overlay_key)
    if not isinstance(overlay, dict):
        raise ContractError(
            f'env = {environment!r}: cdk.json has no context "{overlay_key}"; '
            f'for example -c env={DEFAULT_ENVIRONMENT}, or add "{overlay_key}": {{}}'
        )
    return from_context({**merge(shared or {}, overlay), "environment": environment})


def from_context(plain: Mapping[str, Any]) -> DeploymentSettings:
    """Build the settings from plain JSON values whose groups lie side by side, as cdk.json has them.

    Raises:
        ContractError: a value breaks its rule.
    """
    own = {f.name for f in dataclasses.fields(DeploymentSettings)} - {"pipeline"}
    known = own | {f.name for f in dataclasses.fields(PipelineSettings)} - {"environment"}
    for unknown in sorted(set(plain) - known - {"environment"}):
        raise ContractError(
            f"{unknown}: unknown group of settings: known are {', '.join(sorted(known))}; "
            'for example "gate": {"min_new_images": 20}'
        )
    pipeline = {name: value for name, value in plain.items() if name not in own}
    mine = {name: value for name, value in plain.items() if name in own}
    try:
        return from_plain(DeploymentSettings, {**mine, "pipeline": pipeline})
    except ContractError as error:
        raise ContractError(_speak_of_settings(str(error))) from error


def check_budget(settings: PipelineSettings, region: str) -> None:
    """Refuse budgets that cannot be kept, or under which no run would ever start.

    Args:
        settings: The deployment's.
        region: Where it goes; empty when nobody knows, then nothing is checked.

    Raises:
        ContractError: the message has the numbers, and what to change.
    """
    if region and (objection := worst_case.objection(settings, prices.of_region(region, settings.prices))):
        raise ContractError(objection)


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two JSON objects deeply; the overlay wins, and lists are replaced, not joined."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def _speak_of_settings(message: str) -> str:
    """Turn the path of a class into the path in cdk.json, and add the default as the example."""
    message = re.sub(r"^DeploymentSettings\.(pipeline\.)?", "", message).replace("expected tuple", "expected a list")
    example = _default_at(message.partition(":")[0])
    if "for example" in message or example is None:
        return message
    return f"{message}; for example {to_json(example)}"


def _default_at(path: str) -> Any:
    """The default of the setting at `path`, such as `training.ladder[0].spot`; None when there is none."""
    defaults = DeploymentSettings(PipelineSettings(DEFAULT_ENVIRONMENT))
    group, *steps = re.findall(r"\w+", path)
    start = getattr(defaults, group, None) or getattr(defaults.pipeline, group, None)
    return functools.reduce(_step, steps, start)


def _step(value: Any, step: str) -> Any:
    """The field or the item named `step`; the first item stands for all of a list."""
    if step.isdigit():
        return value[0] if isinstance(value, tuple) and value else None
    return getattr(value, step, None)
