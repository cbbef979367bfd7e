"""The topic that tells people about runs and alarms."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from app.contracts import names
from infra.settings import DeploymentSettings

KEY_DELETION_WAIT = Duration.days(30)


class Notifications(Construct):
    """An SNS topic, encrypted with a key that alarms may use, reachable over TLS only.

    Without a customer-managed key it has one of its own, which goes with it.

    Attributes:
        topic: The topic.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        publishers: Sequence[iam.IRole],
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        alias = names.topic(settings.environment)
        key = kms.Key.from_key_arn(self, "CustomerKey", key_arn) if key_arn else self._key(alias, publishers)
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=names.topic(settings.environment),
            display_name=f"Castline {settings.environment}",
            master_key=key,
            enforce_ssl=True,
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if settings.operations.notification_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.operations.notification_email))

    def _key(self, alias: str, publishers: Sequence[iam.IRole]) -> kms.Key:
        # Alarms cannot publish to a topic under Amazon's own key alias/aws/sns: its policy admits no service.
        key = kms.Key(
            self,
            "Key",
            alias=alias,
            description=f"Encrypts what the topic {alias} carries",
            enable_key_rotation=True,
            pending_window=KEY_DELETION_WAIT,
            removal_policy=RemovalPolicy.DESTROY,
        )
        use = ["kms:Decrypt", "kms:GenerateDataKey"]
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=use,
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="FunctionsThatNotify",
                principals=[iam.ArnPrincipal(publisher.role_arn) for publisher in publishers],
                actions=use,
                resources=["*"],
                conditions={"StringEquals": {"kms:ViaService": f"sns.{Stack.of(self).region}.amazonaws.com"}},
            )
        )
        return key
