"""Names shared by stacks, Lambdas, the embedded AWS and the command line.

Every resource name starts with the prefix `castline-<environment>`, so that environments live side by side.
"""

from __future__ import annotations

import re

JOB_STEPS = ("prepare", "train", "evaluate")
MAX_JOB_NAME = 63
RUN_ID = r"\d{8}-\d{6}-[0-9a-f]{6}"
"""Pattern of run ids."""
OPERATOR_POLICY_OUTPUT = "OperatorPolicyArn"
"""Output of the pipeline stack: the policy to attach to the people who operate it."""


def prefix(environment: str) -> str:
    """The common prefix of all resource names of one environment."""
    return f"castline-{environment}"


def stack(environment: str, stack_name: str) -> str:
    """CloudFormation stack name, e.g. `castline-dev-pipeline`."""
    return f"{prefix(environment)}-{stack_name}"


def state_machine(environment: str) -> str:
    """Name of the state machine."""
    return f"{prefix(environment)}-pipeline"


def function(environment: str, handler: str) -> str:
    """Name of the Lambda function whose code is lambdas/<handler>.py."""
    return f"{prefix(environment)}-{handler.replace('_', '-')}"


def endpoint(environment: str) -> str:
    """Name of the one inference endpoint; it never changes."""
    return prefix(environment)


def trial_endpoint(environment: str) -> str:
    """Name of the endpoint on which another way of serving is proven before the one endpoint changes to it."""
    return f"{prefix(environment)}-trial"


def model_package_group(environment: str) -> str:
    """Name of the model package group."""
    return prefix(environment)


def package_description(run_id: str) -> str:
    """Description of a run's model package, which tells it from the others: versions have no name of their own."""
    return f"Castline run {run_id}"


def repository(environment: str) -> str:
    """Name of the ECR repository."""
    return prefix(environment)


def job(environment: str, run_id: str, step: str, attempt: int = 1) -> str:
    """Deterministic SageMaker job name: the same run, step and attempt always give the same name.

    Raises:
        ValueError: the result breaks SageMaker's rule for names.
    """
    name = f"{prefix(environment)}-{run_id}-{step}-{attempt}"
    if len(name) > MAX_JOB_NAME or not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name):
        raise ValueError(f"{name}: not a SageMaker job name (letters, digits, hyphens, at most {MAX_JOB_NAME})")
    return name


def serving(environment: str, run_id: str, shape: str) -> str:
    """Name of the SageMaker model and of the endpoint configuration that serve the model of a run.

    Args:
        environment: Name of the environment.
        run_id: Whose model it is.
        shape: Digest of how it is served (lambdas.requests.serving.shape): neither can be changed once it exists, so
            another mode, machine or network makes another name.
    """
    return f"{prefix(environment)}-{run_id}-{shape}"


def served_run(environment: str, endpoint_config: str) -> str:
    """Whose model an endpoint configuration serves: the run id in its name; empty when it is not one of ours."""
    found = re.match(rf"{prefix(environment)}-({RUN_ID})(-|$)", endpoint_config)
    return found[1] if found else ""


def same_shape(config: str, other: str) -> bool:
    """Whether two endpoint configurations differ in the model alone."""
    return config.rpartition("-")[2] == other.rpartition("-")[2]


def rollout_alarms(environment: str) -> tuple[str, str]:
    """Names of the alarms that roll back an update of the endpoint: server errors, and a slow model."""
    return f"{prefix(environment)}-rollout-5xx", f"{prefix(environment)}-rollout-slow"


def scale_from_zero_alarm(environment: str) -> str:
    """Name of the alarm that brings the first machine of an async endpoint."""
    return f"{prefix(environment)}-scale-from-zero"


def topic(environment: str) -> str:
    """Name of the SNS topic that tells people about runs and alarms."""
    return f"{prefix(environment)}-notifications"


def key(environment: str) -> str:
    """Alias (without `alias/`) of the KMS key that the data stack makes when the settings ask for one."""
    return prefix(environment)


def build_project(environment: str) -> str:
    """Name of the CodeBuild project that builds the container image."""
    return f"{prefix(environment)}-image"


def copy_task(environment: str) -> str:
    """Name of the DataSync task that copies from the bucket to the file system."""
    return f"{prefix(environment)}-copy"


def inbox_queue(environment: str) -> str:
    """Name of the SQS queue that collects upload events for the gate."""
    return f"{prefix(environment)}-inbox"


def dead_letters(environment: str, owner: str) -> str:
    """Name of the SQS queue that keeps what `owner` (a handler, or `inbox`) could not process."""
    return f"{prefix(environment)}-{owner.replace('_', '-')}-dead-letters"
