"""Log groups with an end: CloudWatch keeps for ever what nobody gives a retention."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import DeploymentSettings


def log_group(
    scope: Construct, *, name: str, settings: DeploymentSettings, construct_id: str = "Logs"
) -> logs.ILogGroup:
    """Create the log group `name` with the retention of the deployment settings.

    The group goes with its stack: records and reports of runs live in S3, and a group left behind would block the
    next deployment by its fixed name.
    """
    group = logs.CfnLogGroup(
        scope,
        construct_id,
        log_group_name=name,
        # The L2 construct takes an enum with a name for each of the numbers that the setting allows.
        retention_in_days=settings.operations.log_retention_days,
    )
    group.apply_removal_policy(RemovalPolicy.DESTROY)
    reference = logs.LogGroup.from_log_group_name(scope, f"{construct_id}Reference", name)
    reference.node.add_dependency(group)
    return reference
