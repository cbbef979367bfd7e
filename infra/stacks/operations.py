"""The operations stack: who is told, what is watched."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from infra.alarms import PipelineAlarms
from infra.dashboard import PipelineDashboard
from infra.notifications import Notifications
from infra.settings import DeploymentSettings
from infra.stacks.pipeline import PipelineStack


class OperationsStack(Stack):
    """Topic, alarms and dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        pipeline: PipelineStack,
        key_arn: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        notifications = Notifications(
            self, "Notifications", settings=settings, publishers=pipeline.functions.notifiers, key_arn=key_arn
        )
        alarms = PipelineAlarms(self, "Alarms", settings=settings, topic=notifications.topic)
        PipelineDashboard(self, "Dashboard", settings=settings, alarms=alarms.all)
