"""CreateTrainingJob: managed spot or on-demand, resuming from the run's checkpoints."""

from __future__ import annotations

from app.contracts import keys, names, worst_case
from app.contracts.settings import Rung
from lambdas.decisions import budget, ladder, metrics
from lambdas.environment import Environment
from lambdas.errors import TrainConfigError
from lambdas.events import TrainEvent
from lambdas.requests import channels, encryption
from lambdas.requests.common import Request, tags, uri, vpc

INTERNAL_RETRIES = 3
"""RetryStrategy covers InternalServerError only, within the job; the ladder covers what is left."""
WEIGHTS_NAMES = ("backbone_weights", "load_model", "config:BACKBONE.WEIGHTS")
"""Hyperparameters that name a file in the channel weights: it is there only when one of them does."""
CHECKPOINTS_PATH = "/opt/ml/checkpoints"


def job_name(environment: Environment, event: TrainEvent) -> str:
    """The same attempt always has the same name, so that no retry starts a second job."""
    return names.job(environment.name, event.run_id, "train", event.attempt.number)


def request(environment: Environment, event: TrainEvent, *, on_file_system: bool = False) -> Request:
    """Build the request of one attempt on its rung of the ladder.

    Args:
        environment: The deployment.
        event: The state's input.
        on_file_system: Whether the version's shards were copied to the file system, from which they are read then.
    """
    settings = ladder.for_run(environment.settings.training, event.hyperparameters)
    rung = settings.ladder[event.attempt.rung]
    hyperparameters = ladder.hyperparameters(settings, event.attempt)
    inputs = [
        *channels.shards(environment, event.version, on_file_system=on_file_system),
        channels.objects(environment, "dataset", keys.version_manifest(event.version)),
        *(channels.weights(environment) if _starts_from_weights(hyperparameters) else ()),
        *channels.log(environment),
    ]
    return {
        "TrainingJobName": job_name(environment, event),
        "AlgorithmSpecification": {
            "TrainingImage": event.image_uri,
            "TrainingInputMode": "File",  # each channel says its own
            "ContainerEntrypoint": ["train"],
            "MetricDefinitions": metrics.definitions(),
        },
        "RoleArn": environment.training_role_arn,
        "HyperParameters": hyperparameters | {"run_id": event.run_id, "version": event.version},
        "InputDataConfig": inputs,
        "OutputDataConfig": {
            "S3OutputPath": uri(environment, keys.run(event.run_id, "model")),
            **encryption.output(environment),
        },
        "CheckpointConfig": {
            "S3Uri": uri(environment, keys.checkpoints(event.run_id)),
            "LocalPath": CHECKPOINTS_PATH,
        },
        "ResourceConfig": {
            **_resources(rung, settings.volume_gb, settings.instance_count),
            **encryption.volume(environment, *rung.instance_types),
        },
        "EnableManagedSpotTraining": rung.spot,
        "StoppingCondition": {
            "MaxRuntimeInSeconds": _seconds(environment, event),
            # Refused without spot.
            **({"MaxWaitTimeInSeconds": rung.max_wait_seconds} if rung.spot else {}),
        },
        "RetryStrategy": {"MaximumRetryAttempts": INTERNAL_RETRIES},
        "VpcConfig": vpc(environment),
        "EnableNetworkIsolation": not any(map(channels.on_file_system, inputs)),
        "EnableInterContainerTrafficEncryption": settings.instance_count > 1,
        "Tags": tags(environment, event.run_id),
    }


def _seconds(environment: Environment, event: TrainEvent) -> int:
    """How long the attempt may run; NextAttempt and the gate see to it that a budget leaves enough.

    Raises:
        TrainConfigError: the budget was lowered, or a price raised, while the run went on.
    """
    settings = environment.spending(over_budget=event.over_budget)
    seconds = budget.training_seconds(settings, environment.prices, event.attempt)
    least = worst_case.least_training_seconds(settings)
    if seconds < least:
        raise TrainConfigError(
            f"spend.per_run_usd = {settings.spend.per_run_usd:g}: it leaves {max(seconds, 0)} s for training, and less "
            f"than {least} s are not begun: raise it, or force a run with --over-budget"
        )
    return seconds


def _starts_from_weights(hyperparameters: dict[str, str]) -> bool:
    return any(hyperparameters.get(name, "").strip('" ') for name in WEIGHTS_NAMES)


def _resources(rung: Rung, volume_gb: int, count: int) -> Request:
    """One type, or for on-demand an order of preference, which spot does not take."""
    if len(rung.instance_types) == 1:
        return {"InstanceType": rung.instance_types[0], "InstanceCount": count, "VolumeSizeInGB": volume_gb}
    preferences = [{"InstanceType": name, "InstanceCount": count} for name in rung.instance_types]
    return {"InstancePreferences": preferences, "VolumeSizeInGB": volume_gb}
