"""ARNs of resources with fixed names, formatted instead of referenced.

A function that starts the state machine, which calls the function, would be a circle of references; a name
that both sides know is not.
"""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack

from app.contracts import names

SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"


class Arns:
    """ARNs of one environment, in the account and region of `stack`."""

    def __init__(self, stack: Stack, environment: str) -> None:
        self._stack = stack
        self._environment = environment

    def _format(self, service: str, resource: str, name: str, separator: str = "/") -> str:
        styles = {"/": ArnFormat.SLASH_RESOURCE_NAME, ":": ArnFormat.COLON_RESOURCE_NAME}
        return self._stack.format_arn(
            service=service, resource=resource, resource_name=name, arn_format=styles[separator]
        )

    @property
    def _any(self) -> str:
        return f"{names.prefix(self._environment)}-*"

    def function(self, handler: str) -> str:
        """The Lambda function whose code is lambdas/<handler>.py."""
        return self._format("lambda", "function", names.function(self._environment, handler), ":")

    @property
    def state_machine(self) -> str:
        """The state machine."""
        return self._format("states", "stateMachine", names.state_machine(self._environment), ":")

    @property
    def executions(self) -> str:
        """Every execution of the state machine."""
        return self._format("states", "execution", f"{names.state_machine(self._environment)}:*", ":")

    @property
    def topic(self) -> str:
        """The SNS topic."""
        return self._stack.format_arn(
            service="sns", resource=names.topic(self._environment), arn_format=ArnFormat.NO_RESOURCE_NAME
        )

    @property
    def inbox_queue(self) -> str:
        """The SQS queue of upload events."""
        return self._stack.format_arn(
            service="sqs",
            resource=names.inbox_queue(self._environment),
            arn_format=ArnFormat.NO_RESOURCE_NAME,
        )

    @property
    def repository(self) -> str:
        """The ECR repository."""
        return self._format("ecr", "repository", names.repository(self._environment))

    @property
    def repository_uri(self) -> str:
        """Where images are pushed to and pulled from."""
        stack = self._stack
        return f"{stack.account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{names.repository(self._environment)}"

    @property
    def build_project(self) -> str:
        """The CodeBuild project."""
        return self._format("codebuild", "project", names.build_project(self._environment))

    @property
    def endpoint(self) -> str:
        """The one endpoint."""
        return self._format("sagemaker", "endpoint", names.endpoint(self._environment))

    @property
    def trial_endpoint(self) -> str:
        """The endpoint on which another way of serving is proven."""
        return self._format("sagemaker", "endpoint", names.trial_endpoint(self._environment))

    @property
    def rollout_alarms(self) -> tuple[str, ...]:
        """The alarms that roll back an update of the endpoint."""
        return tuple(self._format("cloudwatch", "alarm", name, ":") for name in names.rollout_alarms(self._environment))

    @property
    def scaling_alarms(self) -> tuple[str, ...]:
        """The alarms that scale the endpoint: our own, and those that Application Auto Scaling makes and names."""
        tracking = f"TargetTracking-endpoint/{names.endpoint(self._environment)}/*"
        own = names.scale_from_zero_alarm(self._environment)
        return tuple(self._format("cloudwatch", "alarm", name, ":") for name in (own, tracking))

    @property
    def scalable_targets(self) -> str:
        """Everything that Application Auto Scaling scales; its ids are random."""
        return self._format("application-autoscaling", "scalable-target", "*")

    @property
    def scaling_role(self) -> str:
        """The role that Application Auto Scaling makes itself to scale endpoints."""
        return self._stack.format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name=f"aws-service-role/{SCALING_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        )

    @property
    def model_package_group(self) -> str:
        """The model package group."""
        return self._format("sagemaker", "model-package-group", names.model_package_group(self._environment))

    @property
    def model_packages(self) -> str:
        """Every version in the model package group."""
        return self._format("sagemaker", "model-package", f"{names.model_package_group(self._environment)}/*")

    def file_system(self, file_system_id: str) -> str:
        """An EFS file system."""
        return self._format("elasticfilesystem", "file-system", file_system_id)

    def made_by_runs(self, kind: str) -> str:
        """Every SageMaker resource of a kind that runs create: `training-job`, `model`, ..."""
        return self._format("sagemaker", kind, self._any)

    def log_group(self, name: str) -> str:
        """All streams of one CloudWatch log group; a name ending in * means several groups."""
        return self._format("logs", "log-group", f"{name}:*", ":")
