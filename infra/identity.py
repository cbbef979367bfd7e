"""The roles that work in SageMaker: one for jobs, one for the endpoint."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from app.contracts import keys
from infra.arns import Arns
from infra.encryption import volumes, with_key
from infra.grants import Grant, role
from infra.image import registry_login

SAGEMAKER = "sagemaker.amazonaws.com"
OBJECTS = "Object keys carry run ids and content hashes; the prefixes are the ones that jobs own."
WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)


class SageMakerRoles(Construct):
    """What containers may do, by the role they run under.

    Attributes:
        prepare: The job that reads uploads and writes the data set; nobody else does either.
        training: The training job: reads the data set, writes its run, removes its checkpoints.
        evaluation: The job that judges models: reads the data set and models, writes its run.
        serving: The serverless endpoint: reads model artifacts and nothing else.
        machines: The endpoint on instances: in the network, and with what async answers and captures need. A role of
            its own, so that whoever serves otherwise does so with its own rights until the other mode is proven.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_arn: str,
        arns: Arns,
        file_system_id: str | None,
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket_arn = bucket_arn
        self._arns = arns
        self._key_arn = key_arn
        self.prepare = self._job(
            "Prepare",
            "Checks uploads and makes the data set",
            # It asks for the exact versions that the snapshot has frozen.
            Grant(actions=("s3:ListBucketVersions",), resources=(bucket_arn,)),
            self._objects(("s3:GetObject", "s3:GetObjectVersion"), "inbox/*", "dataset/*", "runs/*"),
            self._objects(WRITE, "dataset/*", "runs/*", "quarantine/*"),
            *self._container("ProcessingJobs"),
        )
        self.training = self._job(
            "Training",
            "Trains a model",
            self._objects(("s3:GetObject",), "dataset/*", "runs/*"),
            self._objects(WRITE, "runs/*"),
            # A checkpoint that the program removes locally is removed from S3 by SageMaker's synchronisation.
            self._objects(("s3:DeleteObject",), "runs/*/checkpoints/*"),
            *self._container("TrainingJobs"),
            *([_mounts(arns.file_system(file_system_id))] if file_system_id else []),
        )
        self.evaluation = self._job(
            "Evaluation",
            "Judges a model beside the champion",
            self._objects(("s3:GetObject",), "dataset/*", "runs/*"),
            self._objects(WRITE, "runs/*"),
            *self._container("ProcessingJobs"),
        )
        self.serving = role(
            self,
            "Serving",
            service=SAGEMAKER,
            description="The inference endpoint",
            grants=self._encrypted(
                self._objects(("s3:GetObject",), "runs/*"),
                *self._container("Endpoints"),
            ),
        )
        self.machines = role(
            self,
            "Machines",
            service=SAGEMAKER,
            description="The inference endpoint on instances",
            grants=self._encrypted(*self._on_machines()),
        )
        # SageMaker can no longer patch or scale an endpoint whose role is gone.
        for kept in (self.serving, self.machines):
            kept.apply_removal_policy(RemovalPolicy.RETAIN)

    def of_endpoint(self, *, on_machines: bool) -> iam.Role:
        """The role that a new model serves under."""
        return self.machines if on_machines else self.serving

    def _on_machines(self) -> tuple[Grant, ...]:
        written = (keys.SERVING_ANSWERS, keys.SERVING_FAILURES, keys.SERVING_CAPTURES)
        return (
            self._objects(("s3:GetObject",), "runs/*", f"{keys.SERVING_REQUESTS}*"),
            self._objects(("s3:PutObject", "s3:AbortMultipartUpload"), *(f"{prefix}*" for prefix in written)),
            Grant(actions=("s3:ListBucket",), resources=(self._bucket_arn,)),
            *self._container("Endpoints"),
            _network(),
            Grant(actions=("cloudwatch:DescribeAlarms",), resources=self._arns.rollout_alarms),
        )

    def _encrypted(self, *grants: Grant) -> tuple[Grant, ...]:
        """`grants`, and what SageMaker does with the customer-managed key under the role, volumes included."""
        region = Stack.of(self).region
        return (*with_key(grants, key_arn=self._key_arn, region=region), *volumes(self._key_arn))

    def _objects(self, actions: tuple[str, ...], *patterns: str) -> Grant:
        return Grant(
            actions=actions,
            resources=tuple(f"{self._bucket_arn}/{p}" for p in patterns),
            why_wildcard=OBJECTS,
        )

    def _job(self, construct_id: str, description: str, *grants: Grant) -> iam.Role:
        """The role of a job in the network, which may list the bucket beside what `grants` say."""
        listing = Grant(actions=("s3:ListBucket", "s3:GetBucketLocation"), resources=(self._bucket_arn,))
        return role(
            self,
            construct_id,
            service=SAGEMAKER,
            description=description,
            grants=self._encrypted(listing, *grants, _network()),
        )

    def _container(self, *kinds: str) -> tuple[Grant, ...]:
        """What SageMaker itself does under the role: pull the image, write logs and metrics."""
        return (
            Grant(
                actions=(
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ),
                resources=(self._arns.repository,),
            ),
            registry_login(),
            Grant(
                actions=(
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ),
                resources=tuple(self._arns.log_group(f"/aws/sagemaker/{kind}*") for kind in kinds),
                why_wildcard="SageMaker names log groups and streams after jobs and endpoints.",
            ),
            Grant(
                actions=("cloudwatch:PutMetricData",),
                resources=("*",),
                conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
                why_wildcard="PutMetricData takes no resource; the condition limits the namespace.",
            ),
        )


def _network() -> Grant:
    return Grant(
        actions=NETWORK_INTERFACES,
        resources=("*",),
        why_wildcard="Containers in a VPC make their own network interfaces; these calls take no narrower resource "
        "before the interface exists.",
    )


def _mounts(file_system_arn: str) -> Grant:
    """What SageMaker looks up to mount a directory; the mount itself is anonymous, and let in by security group."""
    return Grant(
        actions=("elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets"),
        resources=(file_system_arn,),
    )
