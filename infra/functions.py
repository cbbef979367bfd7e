"""The Lambda functions: one role, one log group, one purpose each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from aws_cdk import Duration, IgnoreMode, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from app.contracts import names
from infra.arns import Arns
from infra.encryption import with_key
from infra.grants import Grant, acknowledge, role
from infra.image import NEVER, REPOSITORY_ROOT
from infra.logs import RetainedLogs
from infra.permissions import PERMISSIONS
from infra.queues import dead_letter_queue
from infra.resources import Resources
from infra.settings import DeploymentSettings

RUNTIME = lambda_.Runtime.PYTHON_3_13
FUNCTION_SOURCES = [
    "/*",
    "!/lambdas",
    "!/app",
    "/app/*",
    "!/app/__init__.py",
    "!/app/contracts",
    "__pycache__",
    *NEVER,
]
"""What the code asset holds: the handlers and the contracts (patterns of .gitignore)."""


@dataclasses.dataclass(frozen=True)
class Size:
    """What one function gets."""

    timeout_seconds: int = 60
    memory_mb: int = 256
    asynchronous: bool = False
    """Invoked by events: what it fails on goes to a dead-letter queue of its own."""


SIZES: Mapping[str, Size] = {
    "gate": Size(300, 512, asynchronous=True),
    "snapshot": Size(600, 1024),
    "compare": Size(120, 512),
    "verify": Size(600, 512),
    "bake": Size(300),
    "move": Size(300, 512, asynchronous=True),
    "commit": Size(900, 1024),
    "finish": Size(120, 512),
    "fail_run": Size(120, 512, asynchronous=True),
    "resolve": Size(60, 256, asynchronous=True),
    "reconcile": Size(300, 512, asynchronous=True),
}
"""What differs from the default, by handler; inventories of large inboxes take time, images take memory."""

NOTIFIERS = ("register", "finish", "fail_run", "reconcile", "move")
"""The functions that publish to the topic."""


class PipelineFunctions(Construct):
    """All functions of lambdas/.

    Attributes:
        by_handler: Handler name -> function.
        dead_letters: Handler name -> dead-letter queue, for the functions that events invoke.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        resources: Resources,
        environment: Mapping[str, str],
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._key_arn = key_arn
        self._settings = settings
        self._resources = resources
        self._environment = dict(environment)
        self._arns = Arns(Stack.of(self), settings.environment)
        self._code = lambda_.Code.from_asset(str(REPOSITORY_ROOT), exclude=FUNCTION_SOURCES, ignore_mode=IgnoreMode.GIT)
        self._roles: dict[str, iam.Role] = {}
        self.dead_letters: dict[str, sqs.Queue] = {}
        self.by_handler = {handler: self._function(handler) for handler in PERMISSIONS}

    @property
    def arns(self) -> dict[str, str]:
        """Handler name -> ARN."""
        return {handler: function.function_arn for handler, function in self.by_handler.items()}

    @property
    def notifiers(self) -> list[iam.IRole]:
        """The roles that tell the topic about runs."""
        return [self._roles[handler] for handler in NOTIFIERS]

    def _function(self, handler: str) -> lambda_.Function:
        size = SIZES.get(handler, Size())
        scope = Construct(self, handler.title().replace("_", ""))
        name = names.function(self._settings.environment, handler)
        logs = RetainedLogs(
            scope, "Logs", name=f"/aws/lambda/{name}", settings=self._settings, key_arn=self._key_arn
        )
        if size.asynchronous:
            self.dead_letters[handler] = dead_letter_queue(
                scope, environment=self._settings.environment, owner=handler, key_arn=self._key_arn
            )
        own_role = self._roles[handler] = self._role(scope, handler, name)
        function = lambda_.Function(
            scope,
            "Function",
            function_name=name,
            description=f"Castline {self._settings.environment}: {handler}",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            handler=f"lambdas.{handler}.handler",
            role=own_role.without_policy_updates(),
            timeout=Duration.seconds(size.timeout_seconds),
            memory_size=size.memory_mb,
            environment=self._environment,
            # As text, Lambda drops what a function logs below WARNING, and all extra fields.
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            dead_letter_queue=self.dead_letters.get(handler),
        )
        function.node.add_dependency(logs)
        acknowledge(function, "AwsSolutions-L1", "Python 3.13 is the newest version that the tests run on.")
        return function

    def _role(self, scope: Construct, handler: str, name: str) -> iam.Role:
        own_log = Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(self._arns.log_group(f"/aws/lambda/{name}"),),
            why_wildcard="Lambda names the streams of the function's own log group.",
        )
        dead_letters = [
            Grant(actions=("sqs:SendMessage",), resources=(queue.queue_arn,))
            for queue in [self.dead_letters.get(handler)]
            if queue
        ]
        wake_ups = (
            [
                Grant(
                    actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
                    resources=(self._arns.inbox_queue,),
                )
            ]
            if handler == "gate"
            else []
        )
        return role(
            scope,
            "Role",
            service="lambda.amazonaws.com",
            description=f"The function {name}",
            grants=with_key(
                (*PERMISSIONS[handler](self._resources), own_log, *dead_letters, *wake_ups),
                key_arn=self._key_arn,
                region=Stack.of(self).region,
            ),
        )
