"""Strict mode: what services do by themselves is decided too, as the role or the service principal they act for.

ministack 1.5.33 decides on requests only. Here
- Step Functions invokes a function, and starts a build, as the role of the state machine;
- CodeBuild reads its source, pushes the image and writes its log as the role of the project;
- EventBridge reaches a function or a queue only where the policy of that one lets it, for that rule;
- Lambda reads a queue as the role of the function, and only assumes roles that trust it.
"""

from __future__ import annotations

import functools
import json
import logging
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import codebuild, eventbridge, lambda_svc, sqs, stepfunctions

from app.embedded import pin
from app.embedded.amendments import executions
from app.embedded.settings import ACCOUNT, REGION, Access
from app.embedded.strict import authority
from app.embedded.strict.steps import AccessDeniedError, Step

BUILD_RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventForCodeBuildStartBuildRule"
EVENTS = "events.amazonaws.com"
NOWHERE = Access("")  # keys that are only ever used inside of this process

log = logging.getLogger("castline.policies")


def apply() -> None:
    """Wrap what services do; before the amendments that wrap the same parts."""
    authority.check_pin()
    _amend_step_functions()
    _amend_codebuild()
    _amend_eventbridge()
    _amend_lambda()


def _amend_step_functions() -> None:
    call_lambda, invoke = (pin.part(stepfunctions, name) for name in ("_call_lambda", "_invoke_resource"))
    execution_error = pin.part(stepfunctions, "_ExecutionError")
    lambda_reference = pin.part(stepfunctions, "_extract_lambda_ref")

    def demand(error: str, *steps: Step) -> None:
        try:
            authority.demand(_key_of_execution(executions.current.get()), *steps)
        except AccessDeniedError as denied:
            raise execution_error(error, str(denied)) from denied

    def call_as_role(reference: str, event: Any) -> Any:
        demand("Lambda.AWSLambdaException", Step("lambda:InvokeFunction", _function_arn(reference)))
        return call_lambda(reference, event)

    def invoke_as_role(resource: str, data: Any) -> Any:
        if "states:::codebuild:startBuild" in resource:
            demand("CodeBuild.AWSCodeBuildException", *_build_steps(data["ProjectName"]))
        elif "states:::lambda:invoke" not in resource and not lambda_reference(resource):
            raise execution_error("States.Runtime", f"{resource}: the strict mode does not know what it needs to do")
        return invoke(resource, data)

    stepfunctions._call_lambda = call_as_role
    stepfunctions._invoke_resource = invoke_as_role


@functools.lru_cache(maxsize=512)
def _key_of_execution(arn: str) -> str:
    """Access key of the session in which one execution acts."""
    machine = stepfunctions._state_machines.get(stepfunctions._executions[arn]["stateMachineArn"])
    name = arn.rsplit(":", 1)[-1]
    return authority.assume(machine["roleArn"], "states.amazonaws.com", name, NOWHERE, arn).access_key


def _function_arn(reference: str) -> str:
    return reference if reference.startswith("arn:") else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{reference}"


def _build_steps(project: str) -> tuple[Step, ...]:
    """What `codebuild:startBuild.sync` needs: the build, and the rule that tells when it ends.

    Source: AWS Step Functions developer guide, IAM policies for AWS CodeBuild.
    """
    arn = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{project}"
    build = tuple(Step(f"codebuild:{verb}", arn) for verb in ("StartBuild", "StopBuild", "BatchGetBuilds"))
    return build + tuple(Step(f"events:{verb}", BUILD_RULE) for verb in ("PutTargets", "PutRule", "DescribeRule"))


def _amend_codebuild() -> None:
    start_build = pin.part(codebuild, "_start_build")

    def start_as_role(data: dict[str, Any]) -> Any:
        project = codebuild._projects.get(data["projectName"])
        if project:
            try:
                access = authority.assume(
                    project["serviceRole"], "codebuild.amazonaws.com", "AWSCodeBuild", NOWHERE, project["arn"])
                authority.demand(access.access_key, *_image_steps(project))
            except AccessDeniedError as denied:
                body = {"__type": "AccessDeniedException", "message": str(denied)}
                return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()
        return start_build(data)

    codebuild._start_build = start_as_role


def _image_steps(project: dict[str, Any]) -> tuple[Step, ...]:
    """What the build of an image does: source, registry, log."""
    variables = {v["name"]: v["value"] for v in project["environment"]["environmentVariables"]}
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{variables['REPOSITORY']}"
    pushes = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload",
              "PutImage")
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/codebuild/{project['name']}:log-stream:"
    return (
        Step("s3:GetObject", f"arn:aws:s3:::{project['source']['location']}"),
        Step("ecr:GetAuthorizationToken"),
        *(Step(f"ecr:{push}", repository) for push in pushes),
        *(Step(f"logs:{verb}", group) for verb in ("CreateLogStream", "PutLogEvents")),
    )


def _amend_eventbridge() -> None:
    invoke_target = pin.part(eventbridge, "_invoke_target")
    pin.part(lambda_svc, "function_policy_for_arn"), pin.part(sqs, "queue_policy_for_arn")

    def invoke_where_allowed(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        arn = target["Arn"]
        service = arn.split(":")[2]
        found = {"lambda": lambda_svc.function_policy_for_arn, "sqs": sqs.queue_policy_for_arn}[service](arn)
        action = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage"}[service]
        step = Step(action, arn, {"aws:SourceArn": rule["Arn"], "aws:SourceAccount": ACCOUNT})
        if found and authority.service_may(found[0], EVENTS, step):
            invoke_target(target, event, rule, view)
        else:
            log.warning("rule %s: the policy of %s does not let %s in", rule["Arn"], arn, EVENTS)

    eventbridge._invoke_target = invoke_where_allowed


def _amend_lambda() -> None:
    credentials = pin.part(lambda_runtime, "execution_credentials")
    concurrency = pin.part(lambda_svc, "_sqs_esm_concurrency")

    def trusted_credentials(config: dict[str, Any]) -> dict[str, str]:
        authority.assume(config["Role"], "lambda.amazonaws.com", config["FunctionName"], NOWHERE, config["FunctionArn"])
        found: dict[str, str] = credentials(config)
        return found

    def concurrency_as_role(mapping: dict[str, Any], function: dict[str, Any], config: Any, queue: Any) -> int:
        verbs = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        key = credentials(function["config"])["AWS_ACCESS_KEY_ID"]
        try:
            authority.demand(key, *(Step(f"sqs:{verb}", mapping["EventSourceArn"]) for verb in verbs))
        except AccessDeniedError as denied:
            log.warning("event source mapping %s: %s", mapping["UUID"], denied)
            return 0
        found: int = concurrency(mapping, function, config, queue)
        return found

    lambda_runtime.execution_credentials = trusted_credentials
    lambda_svc._sqs_esm_concurrency = concurrency_as_role
