"""The resources of one environment, and the grants on them that permissions are made of."""

from __future__ import annotations

import dataclasses

from app.contracts.serving import Mode
from infra.arns import Arns
from infra.grants import Grant

JOBS = "Job names carry the run id; the prefix is this environment's own."
OBJECTS = "Object keys carry run ids and content hashes; the prefix is the function's own."
EXECUTIONS = "Executions are named by run ids; the state machine is this environment's own."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """The resources that statements name, all of one environment."""

    bucket_arn: str
    table_arn: str
    prepare_role_arn: str
    training_role_arn: str
    evaluation_role_arn: str
    serving_role_arn: str
    serving_mode: Mode
    arns: Arns

    def objects(self, actions: tuple[str, ...], *patterns: str) -> Grant:
        """Object actions below the given keys or patterns of the data bucket."""
        resources = tuple(f"{self.bucket_arn}/{pattern}" for pattern in patterns)
        wild = any("*" in pattern for pattern in patterns)
        return Grant(actions=actions, resources=resources, why_wildcard=OBJECTS if wild else "")

    def read(self, *patterns: str) -> tuple[Grant, ...]:
        """Read objects, and list: without listing, S3 answers 403 for an absent key instead of 404."""
        return (self.objects(("s3:GetObject",), *patterns), self.list_objects())

    def write(self, *patterns: str) -> Grant:
        """Write objects."""
        return self.objects(("s3:PutObject",), *patterns)

    def list_objects(self, action: str = "s3:ListBucket") -> Grant:
        """List the data bucket."""
        return Grant(actions=(action,), resources=(self.bucket_arn,))

    def state(self, *verbs: str) -> Grant:
        """Item actions on the state table: `Get`, `Put`, `Update`, `Delete`, or `Query`."""
        actions = tuple(f"dynamodb:{verb}" if verb == "Query" else f"dynamodb:{verb}Item" for verb in verbs)
        return Grant(actions=actions, resources=(self.table_arn,))

    def executions(self, *actions: str) -> Grant:
        """Actions on executions of the state machine."""
        return Grant(
            actions=tuple(f"states:{action}" for action in actions),
            resources=(self.arns.executions,),
            why_wildcard=EXECUTIONS,
        )

    def callbacks(self, *actions: str) -> Grant:
        """Answer task tokens; the token, not the resource, says which task."""
        return Grant(actions=tuple(f"states:{action}" for action in actions), resources=(self.arns.state_machine,))

    def made_by_runs(self, kind: str, *actions: str) -> Grant:
        """SageMaker actions on everything of one kind that runs create."""
        return Grant(
            actions=tuple(f"sagemaker:{action}" for action in actions),
            resources=(self.arns.made_by_runs(kind),),
            why_wildcard=JOBS,
        )

    @property
    def on_machines(self) -> bool:
        """Whether the endpoint has instances."""
        return self.serving_mode != "serverless"

    def scaling(self, *actions: str) -> Grant:
        """Actions on what scales the endpoint."""
        return Grant(
            actions=tuple(f"application-autoscaling:{action}" for action in actions),
            resources=(self.arns.scalable_targets,),
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
            why_wildcard="Scalable targets have random ids; the condition limits them to endpoints.",
        )

    def scaling_alarms(self, *actions: str) -> Grant:
        """Actions on the alarms that scale the endpoint."""
        return Grant(
            actions=tuple(f"cloudwatch:{action}" for action in actions),
            resources=self.arns.scaling_alarms,
            why_wildcard="Application Auto Scaling names its alarms by the endpoint and a random id.",
        )

    def endpoint(self, *actions: str) -> Grant:
        """SageMaker actions on the one endpoint."""
        return Grant(actions=tuple(f"sagemaker:{action}" for action in actions), resources=(self.arns.endpoint,))

    def model_packages(self, *actions: str) -> Grant:
        """SageMaker actions on the versions in the model package group."""
        return Grant(
            actions=tuple(f"sagemaker:{action}" for action in actions),
            resources=(self.arns.model_packages,),
            why_wildcard="Versions are numbered; the group is this environment's own.",
        )

    def pass_role(self, role_arn: str) -> Grant:
        """Hand one role to SageMaker and to no other service."""
        return Grant(
            actions=("iam:PassRole",),
            resources=(role_arn,),
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def notify(self) -> Grant:
        """Tell people."""
        return Grant(actions=("sns:Publish",), resources=(self.arns.topic,))

    def invoke(self, handler: str) -> Grant:
        """Call another function."""
        return Grant(actions=("lambda:InvokeFunction",), resources=(self.arns.function(handler),))
