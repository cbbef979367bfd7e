"""CreateProcessingJob for prepare and evaluate, with the job documents they read."""

from __future__ import annotations

import dataclasses

from app.contracts import keys
from app.contracts.jobs import EvaluateJob, PrepareJob
from app.contracts.runs import Champion
from lambdas.environment import Environment
from lambdas.events import EvaluateEvent, PrepareEvent
from lambdas.requests import encryption
from lambdas.requests.common import Request, source, tags, uri, vpc

ROOT = "/opt/ml/processing"


@dataclasses.dataclass(frozen=True)
class ProcessingStep:
    """One program as a processing job."""

    program: str
    run_id: str
    image_uri: str
    instance_type: str
    document: PrepareJob | EvaluateJob
    inputs: dict[str, str]
    """Input name -> key or prefix; `job` is added."""
    instances: int = 1
    isolated: bool = True
    """False: the program itself asks S3; SageMaker's copies in and out need no network of the container's."""

    @property
    def document_key(self) -> str:
        """Where job.json lies, alone below its prefix because inputs are prefixes."""
        return keys.run(self.run_id, "jobs", self.program, "job.json")

    @property
    def output_prefix(self) -> str:
        """Where the program's results go when it ends."""
        return keys.run(self.run_id, "evaluation" if self.program == "evaluate" else self.program)

    def request(self, environment: Environment, job_name: str) -> Request:
        """Build the request under one job name."""
        settings = environment.settings.processing
        roles = {"prepare": environment.prepare_role_arn, "evaluate": environment.evaluation_role_arn}
        inputs = {"job": keys.run(self.run_id, "jobs", self.program, ""), **self.inputs}
        return {
            "ProcessingJobName": job_name,
            "AppSpecification": {"ImageUri": self.image_uri, "ContainerEntrypoint": [self.program]},
            "RoleArn": roles[self.program],
            "ProcessingInputs": [_input(environment, name, key) for name, key in inputs.items()],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "output",
                        "S3Output": {
                            "S3Uri": uri(environment, self.output_prefix),
                            "LocalPath": f"{ROOT}/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
                **encryption.output(environment),
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": self.instances,
                    "InstanceType": self.instance_type,
                    "VolumeSizeInGB": settings.volume_gb,
                    **encryption.volume(environment, self.instance_type),
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_runtime_seconds},
            "NetworkConfig": {
                "VpcConfig": vpc(environment),
                "EnableNetworkIsolation": self.isolated,
                "EnableInterContainerTrafficEncryption": self.instances > 1,
            },
            "Tags": tags(environment, self.run_id),
        }


def prepare(environment: Environment, event: PrepareEvent) -> ProcessingStep:
    """Prepare reads the snapshot's exact object versions itself: an input cannot pin versions."""
    return ProcessingStep(
        program="prepare",
        run_id=event.run_id,
        image_uri=event.image_uri,
        instance_type=environment.settings.processing.prepare_instance_type,
        document=PrepareJob(
            event.run_id, environment.bucket, event.snapshot_key, event.parent_version, environment.settings.data
        ),
        inputs={},
        instances=environment.settings.data.instances,
        isolated=False,
    )


def evaluate(environment: Environment, event: EvaluateEvent, champion: Champion | None) -> ProcessingStep:
    """Evaluate reads the test shards of the version, and both models' artifacts."""
    settings = environment.settings
    inputs = {
        "dataset": keys.version_manifest(event.version),
        "test": keys.version_channel(event.version, "test"),
        "challenger": keys.split_uri(event.model_artifact)[1],
    }
    if champion:
        inputs["champion"] = keys.split_uri(champion.model_artifact)[1]
    return ProcessingStep(
        program="evaluate",
        run_id=event.run_id,
        image_uri=event.image_uri,
        instance_type=settings.processing.evaluate_instance_type,
        document=EvaluateJob(
            run_id=event.run_id,
            version=event.version,
            champion_run_id=champion.run_id if champion else None,
            golden_images=settings.serving.golden_images,
            promotion=settings.promotion,
            verdict=settings.verdict,
        ),
        inputs=inputs,
    )


def _input(environment: Environment, name: str, key: str) -> Request:
    return {
        "InputName": name,
        "S3Input": {
            **source(environment, key),
            "LocalPath": f"{ROOT}/input/{name}",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
