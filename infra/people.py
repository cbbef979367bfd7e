"""What the people who operate the pipeline may do: all of the command line, and none of what only runs do."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from app.contracts import keys, names
from infra.encryption import with_key
from infra.grants import Grant, acknowledge_wildcards
from infra.permissions import RUNS
from infra.resources import Resources

READABLE = ("inbox/*", "dataset/*", "quarantine/*", RUNS, keys.CHAMPION)
STAGED = (f"{keys.COCO}*", f"{keys.WEIGHTS}*")
"""What `stage-coco` brings: a public data set and the weights to start from."""


class OperatorPolicy(Construct):
    """A managed policy to attach to the operators' identities, with its ARN as an output of the stack.

    They upload, watch, ask, read, roll the data set back, approve and reject. They move no champion, start no job,
    make no endpoint and delete nothing.

    Attributes:
        policy: The policy.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: str, resources: Resources, key_arn: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"What the operators of castline {environment} do with python -m app",
        )
        grants = (*self._data(resources), *self._runs(resources), *self._questions(resources, environment))
        for grant in with_key(grants, key_arn=key_arn, region=Stack.of(self).region):
            self.policy.add_statements(grant.statement())
            acknowledge_wildcards(self.policy, grant)
        output = CfnOutput(self, "Arn", value=self.policy.managed_policy_arn)
        output.override_logical_id(names.OPERATOR_POLICY_OUTPUT)

    def _data(self, r: Resources) -> tuple[Grant, ...]:
        """Uploads, the data set, reports."""
        return (
            *r.read(*READABLE, *STAGED),
            r.write("inbox/*", keys.DATASET_HEAD, f"{keys.ROLLBACKS}*", keys.version_copy("*"), *STAGED),
            r.objects(("s3:AbortMultipartUpload",), "inbox/*", *STAGED),
        )

    def _runs(self, r: Resources) -> tuple[Grant, ...]:
        """Runs: list, follow, start."""
        logs = Grant(
            actions=("logs:DescribeLogStreams", "logs:GetLogEvents"),
            resources=tuple(r.arns.log_group(f"/aws/sagemaker/{kind}") for kind in ("TrainingJobs", "ProcessingJobs")),
            why_wildcard="SageMaker names log streams after jobs; the groups are shared by all jobs of the account.",
        )
        return (
            r.state("Get", "Query"),
            r.executions("DescribeExecution", "GetExecutionHistory"),
            r.invoke("gate"),
            Grant(actions=("lambda:GetFunctionConfiguration",), resources=(r.arns.function("gate"),)),
            logs,
        )

    @staticmethod
    def _async_questions(r: Resources) -> tuple[Grant, ...]:
        """An async endpoint is asked and answers through the bucket."""
        answers = (f"{keys.SERVING_ANSWERS}*", f"{keys.SERVING_FAILURES}*")
        return (
            r.endpoint("InvokeEndpointAsync"),
            r.write(f"{keys.SERVING_REQUESTS}*"),
            r.objects(("s3:GetObject",), *answers),
        )

    def _questions(self, r: Resources, environment: str) -> tuple[Grant, ...]:
        """The endpoint, and the names of what is deployed."""
        stacks = Stack.of(self).format_arn(service="cloudformation", resource="stack",
                                           resource_name=f"{names.prefix(environment)}-*")
        return (
            r.endpoint("DescribeEndpoint", "InvokeEndpoint"),
            *(self._async_questions(r) if r.serving_mode == "async" else ()),
            # approve and reject, as in the console's model registry.
            Grant(actions=("sagemaker:ListModelPackages",), resources=(r.arns.model_package_group,)),
            r.model_packages("ListModelPackages", "DescribeModelPackage", "UpdateModelPackage"),
            Grant(
                actions=("cloudformation:DescribeStacks",),
                resources=(stacks,),
                why_wildcard="CloudFormation ends the ARN of a stack in an id; the prefix is this environment's own.",
            ),
            Grant(
                actions=("sagemaker:ListTrainingJobs",),
                resources=("*",),
                why_wildcard="Lists of jobs are about the whole account: the API takes no other resource.",
            ),
        )
