"""The way from the bucket to the file system: a DataSync task that runs only when somebody starts it."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_datasync as datasync
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from app.contracts import keys, names
from infra.encryption import with_key
from infra.grants import Grant, role
from infra.logs import RetainedLogs
from infra.settings import DeploymentSettings
from infra.storage import SharedFiles

COPIED = ("dataset", keys.COCO.rstrip("/"))
"""What may be copied, beside the directory of training's logs: data sets and the staged COCO."""


class CopyToFiles(Construct):
    """Locations of the bucket and of the file system, and the task between them.

    Keys and paths are the same on both sides. An execution names the prefixes that it copies; what changed since the
    last one is sent, nothing is ever deleted on the file system, and what was sent is checked.

    Attributes:
        task_arn: ARN of the task.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        bucket: s3.IBucket,
        files: SharedFiles,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._key_arn = key_arn
        task = datasync.CfnTask(
            self,
            "Task",
            name=names.copy_task(settings.environment),
            source_location_arn=self._bucket_location(bucket, settings.pipeline.training.file_system.log_directory),
            destination_location_arn=self._file_location(files, vpc, security_group),
            cloud_watch_log_group_arn=self._logs(settings),
            options=datasync.CfnTask.OptionsProperty(
                transfer_mode="CHANGED",
                overwrite_mode="ALWAYS",
                preserve_deleted_files="PRESERVE",
                verify_mode="ONLY_FILES_TRANSFERRED",
                object_tags="NONE",
                log_level="BASIC",
            ),
        )
        task.node.add_dependency(self._log_policy)
        self.task_arn = task.attr_task_arn

    def _bucket_location(self, bucket: s3.IBucket, log_directory: str) -> str:
        prefixes = (*COPIED, *([log_directory.strip("/")] if log_directory else []))
        grants = (
            Grant(
                actions=("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
                resources=(bucket.bucket_arn,),
            ),
            Grant(
                actions=("s3:GetObject", "s3:ListMultipartUploadParts"),
                resources=tuple(f"{bucket.bucket_arn}/{prefix}/*" for prefix in prefixes),
                why_wildcard="Object keys carry content hashes and names of images; the prefixes are the copied.",
            ),
        )
        reads = role(
            self,
            "Reads",
            service="datasync.amazonaws.com",
            description="DataSync reads what it copies to the file system",
            grants=with_key(grants, key_arn=self._key_arn, region=Stack.of(self).region),
        )
        location = datasync.CfnLocationS3(
            self,
            "Bucket",
            s3_bucket_arn=bucket.bucket_arn,
            s3_config=datasync.CfnLocationS3.S3ConfigProperty(bucket_access_role_arn=reads.role_arn),
        )
        location.node.add_dependency(reads)  # with its policy: DataSync tries the bucket when the location is made
        return location.attr_location_arn

    def _file_location(self, files: SharedFiles, vpc: ec2.IVpc, security_group: ec2.ISecurityGroup) -> str:
        stack = Stack.of(self)
        subnet = vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids[0]
        location = datasync.CfnLocationEFS(
            self,
            "Files",
            efs_filesystem_arn=files.file_system.file_system_arn,
            ec2_config=datasync.CfnLocationEFS.Ec2ConfigProperty(
                subnet_arn=stack.format_arn(service="ec2", resource="subnet", resource_name=subnet),
                security_group_arns=[
                    stack.format_arn(
                        service="ec2", resource="security-group", resource_name=security_group.security_group_id
                    )
                ],
            ),
            in_transit_encryption="TLS1_2",
        )
        location.node.add_dependency(files.file_system.mount_targets_available)
        return location.attr_location_arn

    def _logs(self, settings: DeploymentSettings) -> str:
        """The task's log group, into which DataSync itself writes: it has no role for that."""
        stack, name = Stack.of(self), f"/aws/datasync/{names.prefix(settings.environment)}"
        group = RetainedLogs(self, "Logs", name=name, settings=settings, key_arn=self._key_arn)
        arn = stack.format_arn(
            service="logs", resource="log-group", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        statement = iam.PolicyStatement(
            principals=[iam.ServicePrincipal("datasync.amazonaws.com")],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{arn}:*"],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        self._log_policy = logs.CfnResourcePolicy(
            self,
            "LogPolicy",
            policy_name=names.copy_task(settings.environment),
            policy_document=stack.to_json_string(iam.PolicyDocument(statements=[statement]).to_json()),
        )
        self._log_policy.node.add_dependency(group)
        return arn
