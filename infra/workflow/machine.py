"""The construct that deploys the definition as a Standard state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from app.contracts import names
from app.contracts.settings import PipelineSettings
from infra.arns import Arns
from infra.grants import Grant, role
from infra.logs import RetainedLogs
from infra.permissions import PERMISSIONS
from infra.settings import DeploymentSettings
from infra.workflow.definition import definition

BUILD_EVENTS_RULE = "StepFunctionsGetEventForCodeBuildStartBuildRule"
"""The rule that Step Functions manages to learn when a build of `codebuild:startBuild.sync` has ended."""


def placeholder(handler: str) -> str:
    """The name under which CloudFormation puts the ARN of a function into the definition: `StartTraining`."""
    return handler.title().replace("_", "")


def rendered(settings: PipelineSettings) -> dict[str, Any]:
    """The definition with a placeholder where each function's ARN will stand."""
    return definition(
        settings=settings,
        function_arns={handler: f"${{{placeholder(handler)}}}" for handler in PERMISSIONS},
        build_project=names.build_project(settings.environment),
    )


class PipelineStateMachine(Construct):
    """The state machine: Standard, logged in full, traced.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        function_arns: Mapping[str, str],
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        name = names.state_machine(settings.environment)
        text = json.dumps(rendered(settings.pipeline))
        used = {h: arn for h, arn in function_arns.items() if f"${{{placeholder(h)}}}" in text}
        own_role = role(
            self,
            "Role",
            service="states.amazonaws.com",
            description=f"The state machine {name}",
            grants=(
                Grant(actions=("lambda:InvokeFunction",), resources=tuple(used.values())),
                *self._build_grants(Arns(Stack.of(self), settings.environment)),
                *_observability(),
            ),
        )
        # Below this prefix CloudWatch needs no entry in its size-limited resource policy.
        logs = RetainedLogs(
            self, "Logs", name=f"/aws/vendedlogs/states/{name}", settings=settings, key_arn=key_arn
        )
        self.machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(text),
            # Substituted by CloudFormation: a token inside a JSON string would be escaped twice.
            definition_substitutions={placeholder(h): arn for h, arn in used.items()},
            role=own_role.without_policy_updates(),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=logs.group,
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        self.machine.node.add_dependency(logs)

    def _build_grants(self, arns: Arns) -> tuple[Grant, ...]:
        rule = Stack.of(self).format_arn(service="events", resource="rule", resource_name=BUILD_EVENTS_RULE)
        return (
            Grant(
                actions=("codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"),
                resources=(arns.build_project,),
            ),
            Grant(actions=("events:PutTargets", "events:PutRule", "events:DescribeRule"), resources=(rule,)),
        )


def _observability() -> tuple[Grant, ...]:
    """What logging and tracing of a state machine need."""
    return (
        Grant(
            actions=(
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ),
            resources=("*",),
            why_wildcard="The log-delivery API of CloudWatch takes no other resource.",
        ),
        Grant(
            actions=(
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
            ),
            resources=("*",),
            why_wildcard="X-Ray takes no other resource.",
        ),
    )
