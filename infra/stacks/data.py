"""The data stack: everything that must outlive all others."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from app.contracts import names
from infra.copy import CopyToFiles
from infra.encryption import CustomerKey
from infra.network import PrivateNetwork
from infra.settings import DeploymentSettings
from infra.storage import DataBucket, ModelRegistry, SharedFiles, StateTable


class DataStack(Stack):
    """Bucket, state table, shared files and model registry: all retained, none deleted by accident.

    Attributes:
        bucket: The data bucket.
        table: The state table.
        files: The shared file system.
        registry: The model package group.
        key_arn: The customer-managed key; None when AWS's own keys encrypt.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        network: PrivateNetwork,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        key = CustomerKey(self, "Encryption", settings=settings).key
        self.key_arn = key.key_arn if key else None
        data = DataBucket(
            self,
            "Bucket",
            noncurrent_version_days=settings.operations.noncurrent_version_days,
            serving_days=settings.pipeline.serving.keep_days,
            key=key,
        )
        self.bucket = data.bucket
        self.table = StateTable(self, "Table", key=key).table
        self.files = SharedFiles(self, "Files", vpc=network.vpc, security_group=network.file_system, key=key)
        self.registry = ModelRegistry(self, "Registry", name=names.model_package_group(settings.environment))
        if network.copies:
            copy = CopyToFiles(
                self,
                "Copy",
                settings=settings,
                bucket=data.bucket,
                files=self.files,
                vpc=network.vpc,
                security_group=network.copies,
                key_arn=self.key_arn,
            )
            CfnOutput(self, "CopyTaskArn", value=copy.task_arn)
        if log_directory := settings.pipeline.training.file_system.log_directory:
            CfnOutput(self, "LogDirectory", value=log_directory)
        if self.key_arn:
            CfnOutput(self, "KeyArn", value=self.key_arn)
        # For training channels on EFS: the jobs' network and security group reach it already.
        CfnOutput(self, "FileSystemId", value=self.files.file_system.file_system_id)
        CfnOutput(self, "AccessPointId", value=self.files.access_point.access_point_id)
