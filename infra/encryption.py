"""The customer-managed key that encrypts at rest, for deployments that want one: see docs/security.md."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from app.contracts import names
from infra.grants import Grant
from infra.settings import CREATE_KEY, DeploymentSettings

DELETION_WAIT = Duration.days(30)
READ = ("kms:Decrypt",)
WRITE = ("kms:Decrypt", "kms:GenerateDataKey")
ITEMS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What DynamoDB does in the name of whoever asks it for an item, and CloudWatch Logs in its own."""
USES = {
    "s3:GetObject": ("s3", READ),
    "s3:GetObjectVersion": ("s3", READ),
    "s3:PutObject": ("s3", WRITE),
    "dynamodb:GetItem": ("dynamodb", ITEMS),
    "dynamodb:PutItem": ("dynamodb", ITEMS),
    "dynamodb:UpdateItem": ("dynamodb", ITEMS),
    "dynamodb:DeleteItem": ("dynamodb", ITEMS),
    "dynamodb:Query": ("dynamodb", ITEMS),
    "sqs:SendMessage": ("sqs", WRITE),
    "sqs:ReceiveMessage": ("sqs", READ),
    "sns:Publish": ("sns", WRITE),
}
"""Action -> the service that uses the key for it, and how."""
ATTACHING = {
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateEndpoint",
    "sagemaker:UpdateEndpoint",
}
"""Actions after which SageMaker attaches encrypted volumes to machines of its own."""


def with_key(grants: Iterable[Grant], *, key_arn: str | None, region: str) -> tuple[Grant, ...]:
    """`grants`, and what they need of the customer-managed key: each service in the role's name, and nothing else.

    Args:
        grants: What a role may do with encrypted resources of the environment.
        key_arn: The key; None: there is none, and nothing is added.
        region: Of the deployment.
    """
    grants = tuple(grants)
    if key_arn is None:
        return grants
    actions = {action for grant in grants for action in grant.actions}
    uses: dict[str, set[str]] = {}
    for service, of_key in (USES[action] for action in actions & USES.keys()):
        uses.setdefault(service, set()).update(of_key)
    through = [
        Grant(
            actions=tuple(sorted(of_key)),
            resources=(key_arn,),
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}},
        )
        for service, of_key in sorted(uses.items())
    ]
    return (*grants, *through, *(volumes(key_arn) if actions & ATTACHING else ()))


def volumes(key_arn: str | None) -> tuple[Grant, ...]:
    """Let SageMaker use the key for the volumes of machines, by grants that only a service of AWS may use."""
    if key_arn is None:
        return ()
    attached = Grant(
        actions=("kms:CreateGrant",),
        resources=(key_arn,),
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )
    return (attached, Grant(actions=("kms:DescribeKey",), resources=(key_arn,)))


class CustomerKey(Construct):
    """The key of the settings: somebody's own, one made here, or none.

    One that is made here rotates every year and outlives its stack: without it nothing that it encrypted can be
    read again. Roles are not named in its policy: IAM policies of this account grant its use.

    Attributes:
        key: The key; None when AWS's own encrypt.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: DeploymentSettings) -> None:
        super().__init__(scope, construct_id)
        self.key: kms.IKey | None = None
        wanted = settings.security.kms_key_arn
        if wanted == CREATE_KEY:
            self.key = self._create(settings.environment)
        elif wanted:
            self.key = kms.Key.from_key_arn(self, "Given", wanted)

    def _create(self, environment: str) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=names.key(environment),
            description=f"Encrypts what Castline {environment} keeps",
            enable_key_rotation=True,
            pending_window=DELETION_WAIT,
            removal_policy=RemovalPolicy.RETAIN,
        )
        for statement in _services(Stack.of(self), environment):
            key.add_to_resource_policy(statement)
        return key


def _services(stack: Stack, environment: str) -> Iterable[iam.PolicyStatement]:
    """The services that use the key in nobody's name: logs are written, rules fill queues, alarms tell the topic."""
    groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"/aws/*/{names.prefix(environment)}*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    yield iam.PolicyStatement(
        sid="LogGroupsOfThisEnvironment",
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
        actions=list(ITEMS),
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )
    for sid, service in (("AlarmsOfThisAccount", "cloudwatch"), ("RulesOfThisAccount", "events")):
        yield iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
