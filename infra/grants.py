"""IAM statements written by hand: exact actions on exact resources, and every wildcard with its reason.

CDK's `grant_*` helpers allow whole families of actions; here a role is a list of `Grant`. The reason of a
wildcard is what the security check (cdk-nag) shows as the acknowledgement of its finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grant:
    """One statement of a policy."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    why_wildcard: str = ""
    """Why no narrower resource will do; needed exactly when a resource has a `*`."""

    def __post_init__(self) -> None:
        wild = [r for r in self.resources if "*" in r]
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.actions}: name each action: a wildcard grants what nobody reviewed")
        if wild and not self.why_wildcard:
            raise ValueError(f"{self.actions} on {wild[0]}: say in why_wildcard why no narrower resource will do")

    def statement(self) -> iam.PolicyStatement:
        """The statement as CDK knows it."""
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=dict(self.conditions)
        )


def role(scope: Construct, construct_id: str, *, service: str, description: str, grants: Iterable[Grant]) -> iam.Role:
    """Create a role for one AWS service that may do exactly what `grants` say.

    Args:
        scope: Where the role belongs.
        construct_id: Its id there.
        service: Who assumes it, such as `lambda.amazonaws.com`.
        description: What the role is for, for people in the IAM console.
        grants: All that it may do.
    """
    created = iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal(service), description=description)
    policy = iam.Policy(created, "Statements", roles=[created])
    for grant in grants:
        policy.add_statements(grant.statement())
        acknowledge_wildcards(policy, grant)
    return created


def acknowledge_wildcards(construct: Construct, grant: Grant) -> None:
    """Answer the finding that each wildcard resource of `grant` raises, with its reason."""
    for resource in grant.resources:
        if "*" in resource:
            spelled = _as_nag_spells(Stack.of(construct).resolve(resource))
            acknowledge(construct, f"AwsSolutions-IAM5[Resource::{spelled}]", grant.why_wildcard)


def acknowledge(construct: Construct, finding: str, reason: str) -> None:
    """Accept one security finding on one construct, with the reason."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def _as_nag_spells(resolved: Any) -> str:
    """Flatten a resolved token the way cdk-nag writes it: `arn:<AWS::Partition>:s3:::<Bucket.Arn>/*`."""
    if isinstance(resolved, str):
        return resolved
    ((function, value),) = resolved.items()
    if function == "Fn::Join":
        delimiter, parts = value
        return str(delimiter).join(_as_nag_spells(part) for part in parts)
    if function == "Fn::GetAtt":
        return f"<{'.'.join(value)}>"
    if function == "Ref":
        return f"<{value}>"
    if function == "Fn::ImportValue":
        return str(value)
    raise ValueError(f"{function}: cdk-nag's spelling of it is not known here: add it")
