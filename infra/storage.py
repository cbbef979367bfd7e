"""What must never be lost: images, labels, models, the state of runs, the model registry."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from app.contracts import keys
from infra.grants import acknowledge

INCOMPLETE_UPLOAD_DAYS = 7
ACCESS_LOG_DAYS = 90
JOB_USER = "1000"
"""POSIX user and group through which jobs see the file system."""


class DataBucket(Construct):
    """The one bucket of a pipeline, and the bucket of its access logs.

    Attributes:
        bucket: Versioned, encrypted, reachable over TLS only, telling EventBridge about new objects.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        noncurrent_version_days: int,
        serving_days: int,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = self._bucket(
            "AccessLogs",
            lifecycle=[s3.LifecycleRule(id="expire-access-logs", expiration=Duration.days(ACCESS_LOG_DAYS))],
        )
        acknowledge(logs, "AwsSolutions-S1", "This is the bucket of the access logs: logging itself would never end.")
        self.bucket = self._bucket(
            "Data",
            logs=logs,
            key=key,
            lifecycle=[
                s3.LifecycleRule(
                    id="expire-overwritten-and-unfinished",
                    noncurrent_version_expiration=Duration.days(noncurrent_version_days),
                    abort_incomplete_multipart_upload_after=Duration.days(INCOMPLETE_UPLOAD_DAYS),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(
                    id="expire-requests-answers-and-captures",
                    prefix=keys.SERVING,
                    expiration=Duration.days(serving_days),
                ),
            ],
        )
        # `event_bridge_enabled=True` would add a Lambda-backed custom resource for the same property.
        cfn_bucket = self.bucket.node.default_child
        assert isinstance(cfn_bucket, s3.CfnBucket)  # noqa: S101 (a fact of CDK, for the type checker)
        cfn_bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )

    def _bucket(
        self,
        construct_id: str,
        *,
        lifecycle: list[s3.LifecycleRule],
        logs: s3.Bucket | None = None,
        key: kms.IKey | None = None,
    ) -> s3.Bucket:
        """One of the two; S3 writes access logs to a bucket without a customer-managed key only."""
        return s3.Bucket(
            self,
            construct_id,
            versioned=logs is not None,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # One request to KMS for many objects, instead of one for each.
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            server_access_logs_bucket=logs,
            server_access_logs_prefix="data/" if logs else None,
            lifecycle_rules=lifecycle,
            removal_policy=RemovalPolicy.RETAIN,
        )


class StateTable(Construct):
    """The DynamoDB table of app/contracts/table.py: the lock, task tokens, the list of runs.

    Attributes:
        table: Partition key `pk`, sort key `sk`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey | None) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "State",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else None,
            encryption_key=key,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )


class SharedFiles(Construct):
    """An EFS file system for data that many training jobs read again and again.

    Attributes:
        file_system: Encrypted, mounted in each job subnet.
        access_point: Everything below /castline, as one POSIX user.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.file_system = efs.FileSystem(
            self,
            "FileSystem",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_group=security_group,
            encrypted=True,
            kms_key=key,
            # SageMaker mounts without an IAM identity; the security group lets only the jobs reach port 2049.
            allow_anonymous_access=True,
            lifecycle_policy=efs.LifecyclePolicy.AFTER_30_DAYS,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.access_point = self.file_system.add_access_point(
            "Jobs",
            path="/castline",
            posix_user=efs.PosixUser(uid=JOB_USER, gid=JOB_USER),
            create_acl=efs.Acl(owner_uid=JOB_USER, owner_gid=JOB_USER, permissions="750"),
        )


class ModelRegistry(Construct):
    """The SageMaker model package group: every promoted model, its metrics and who approved it.

    Attributes:
        group: The group.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str) -> None:
        super().__init__(scope, construct_id)
        self.group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=name,
            model_package_group_description="Models that passed the evaluation of a Castline pipeline",
        )
        self.group.apply_removal_policy(RemovalPolicy.RETAIN)
