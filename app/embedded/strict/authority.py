"""Who may do what, asked inside the process of the embedded AWS: ministack's evaluator, for what is not a request.

The local SageMaker and the amendments work in the name of a role as AWS's services do: they assume it, which its
trust policy must allow, and each of their steps is decided like a request that this role had signed.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, sts

from app.embedded import pin
from app.embedded.settings import ACCOUNT, HOST, REGION, Access
from app.embedded.strict.steps import AccessDeniedError, Step

SESSION_NAME_LIMIT = 64


def check_pin() -> None:
    """Raise PinError when a part of ministack that this module uses has moved."""
    used = {iam_evaluator: ("enforce", "evaluate_resource_policy", "EvalContext", "AuthError", "pin_request_origin"),
            iam_actions: ("identity_denial_message",), iam: ("_roles",), sts: ("register_session",)}
    for owner, names in used.items():
        for name in names:
            pin.part(owner, name)


def assume(role_arn: str, service: str, session: str, endpoint: Access, source_arn: str = "") -> Access:
    """Temporary credentials of a role, for a service that its trust policy names.

    Args:
        role_arn: The role.
        service: Who assumes it, such as `sagemaker.amazonaws.com`.
        session: Name of the session, which denials show behind the role's.
        endpoint: Where the credentials are good.
        source_arn: For what the service works: the execution, the job.

    Raises:
        AccessDeniedError: there is no such role, or it does not trust the service.
    """
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(ACCOUNT, None, name)
    if role is None or not _trusts(role["AssumeRolePolicyDocument"], service, source_arn):
        raise AccessDeniedError(f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
                                f"principal '{service}' to assume the role.")
    access = dataclasses.replace(
        endpoint, access_key=f"ASIA{secrets.token_hex(8).upper()}", secret_key=secrets.token_urlsafe(30),
        session_token=secrets.token_urlsafe(60))
    sts.register_session(access.access_key, {
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session[:SESSION_NAME_LIMIT]}",
        "UserId": f"{role['RoleId']}:{session[:SESSION_NAME_LIMIT]}",
        "SecretAccessKey": access.secret_key, "SessionToken": access.session_token,
        "AccountId": ACCOUNT, "PrincipalType": "AssumedRole",
    })
    return access


def demand(access_key: str, *steps: Step) -> None:
    """Raise AccessDeniedError at the first step that the owner of a key may not take."""
    iam_evaluator.pin_request_origin(HOST, True)
    for step in steps:
        service = step.action.partition(":")[0]
        decision = iam_evaluator.enforce(access_key, step.action, service, REGION, step.resource, dict(step.context))
        if isinstance(decision, iam_evaluator.AuthError):
            raise AccessDeniedError(decision.message)
        if decision is not None:
            raise AccessDeniedError(iam_actions.identity_denial_message(
                step.action, decision.principal_arn, step.resource, decision.decision == "Deny"))


def service_may(policy: str | Mapping[str, Any] | None, service: str, step: Step) -> bool:
    """Whether the policy of a resource lets a service take a step on it, as EventBridge calls a function."""
    context = iam_evaluator.EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action=step.action,
        resource_arn=step.resource, region=REGION, secure_transport=True,
        service_context={k.lower(): v for k, v in step.context.items()})
    decided = iam_evaluator.evaluate_resource_policy(policy, context, service=service)
    return bool(decided.decision == "Allow")


def _trusts(document: Any, service: str, source_arn: str) -> bool:
    """Whether a trust policy lets a service assume its role; ministack's own test lets everybody pass as root."""
    return service_may(document, service, Step(
        "sts:AssumeRole", context={"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source_arn}))
