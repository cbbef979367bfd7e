"""The whole application: the five stacks, wired."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack, Tags
from aws_cdk import aws_iam as iam

from app.contracts import names
from infra.settings import CONTEXT_KEY, DeploymentSettings, merge, read
from infra.stacks.data import DataStack
from infra.stacks.image import ImageStack
from infra.stacks.network import NetworkStack
from infra.stacks.operations import OperationsStack
from infra.stacks.pipeline import PipelineStack

CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"


def new_app(environment: str, *, outdir: str | None = None, more: Mapping[str, Any] | None = None) -> App:
    """An app that knows what the CDK command line would tell it: the context of cdk.json and `-c env=...`.

    Args:
        environment: Name of the environment.
        outdir: Where its templates go.
        more: Settings over those of cdk.json.
    """
    context: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]
    own = f"{CONTEXT_KEY}:{environment}"
    if more:
        context[own] = merge(context[own], more)
    return App(context={**context, "env": environment}, outdir=outdir, analytics_reporting=False)


def build(app: App) -> DeploymentSettings:
    """Add the five stacks of the environment that the app's context names.

    No stack names an account or a region, so the templates are the same for everyone and need no look-up.

    Raises:
        ContractError: a setting breaks its rule.
    """
    settings = read(app.node.try_get_context)
    environment = settings.environment

    def stack_name(name: str) -> str:
        return names.stack(environment, name)

    network = NetworkStack(app, stack_name("network"), settings=settings).network
    data = DataStack(app, stack_name("data"), settings=settings, network=network, termination_protection=True)
    image = ImageStack(
        app, stack_name("image"), settings=settings, key_arn=data.key_arn, termination_protection=True
    )
    pipeline = PipelineStack(
        app,
        stack_name("pipeline"),
        settings=settings,
        network=network,
        bucket=data.bucket,
        file_system=data.files.file_system,
        table=data.table,
        image_tag=image.tag,
        key_arn=data.key_arn,
    )
    pipeline.add_stack_dependency(image)
    OperationsStack(
        app, stack_name("operations"), settings=settings, pipeline=pipeline, key_arn=data.key_arn
    )
    for child in app.node.children:
        if isinstance(child, Stack):
            _bound_roles(child, settings.security.permissions_boundary)
    Tags.of(app).add("project", "castline")
    Tags.of(app).add("environment", environment)
    return settings


def _bound_roles(stack: Stack, policy: str) -> None:
    """Bound every role of a stack, CDK's own included, by the managed policy of this name or ARN; empty: not at all."""
    if not policy:
        return
    if ":" in policy:
        found = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", policy)
    else:
        found = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", policy)
    iam.PermissionsBoundary.of(stack).apply(found)
