"""Log groups with an end: CloudWatch keeps for ever what nobody gives a retention."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import DeploymentSettings


class RetainedLogs(Construct):
    """A log group with the retention of the deployment settings.

    It goes with its stack: records and reports of runs live in S3, and a group left behind would block the next
    deployment by its fixed name.

    Attributes:
        group: The log group.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, settings: DeploymentSettings, key_arn: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        # The L2 construct wants an enum with a name for each of the numbers that the setting allows.
        created = logs.CfnLogGroup(
            self,
            "Group",
            log_group_name=name,
            retention_in_days=settings.operations.log_retention_days,
            kms_key_id=key_arn,
        )
        created.apply_removal_policy(RemovalPolicy.DESTROY)
        self.group = logs.LogGroup.from_log_group_name(self, "Reference", name)
