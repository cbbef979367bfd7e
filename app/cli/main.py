"""All commands, and what happens when one fails: one sentence on stderr, exit status 1, no stack trace."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli import (
    approval,
    ask,
    check,
    cost,
    data,
    environment,
    generate,
    inbox,
    prelabel,
    rollback,
    runs,
    stage_coco,
    status,
    watch,
)
from app.cli.console import complain
from app.cli.target import Target, hoist
from app.client.pipeline import PipelineError
from app.contracts.documents import ContractError
from app.embedded.settings import EmbeddedError

HELP = """Castline: from labelled castings to a guarded inspection endpoint.

The way of a first model, on this machine and without an AWS account:

[bold]python -m app up[/]                     start the embedded AWS
[bold]python -m app deploy[/]                 create the pipeline in it
[bold]python -m app generate castings[/]      draw labelled castings, if you have none
[bold]python -m app upload castings[/]        a run starts by itself
[bold]python -m app watch[/]                  follow it: train, evaluate, publish
[bold]python -m app predict casting.jpeg[/]   ask the endpoint about a photograph

The same commands work on your own AWS account with --aws. --env and --aws may stand before or behind the command.
"""


class Commands(TyperGroup):
    """The commands, with every error that a person can mend told in one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let the shared options stand behind the command too."""
        return super().parse_args(ctx, hoist(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit status 1 when it fails."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if (sentence := explain(error)) is None:
                raise  # a mistake of ours, which needs its stack trace
            complain(sentence)
            raise typer.Exit(1) from error


def explain(error: Exception) -> str | None:
    """What went wrong and what to do, in one sentence; None when no person at the command line can mend it."""
    import boto3.exceptions  # here, because boto3 takes longer to import than all of this
    import botocore.exceptions as aws

    match error:
        case PipelineError() | ContractError() | EmbeddedError():
            return str(error)
        case aws.ClientError():
            reason = error.response.get("Error", {}).get("Message") or str(error)
            return f"AWS refused {error.operation_name}: {reason}"
        case aws.NoCredentialsError():
            return "no AWS credentials: run `aws configure`, or set AWS_PROFILE to a profile that has them"
        case aws.NoRegionError():
            return "no AWS region: run `aws configure`, or set AWS_REGION, for example to eu-central-1"
        case aws.EndpointConnectionError():
            return f"AWS does not answer ({error}): on this machine start it with python -m app up"
        case aws.BotoCoreError() | boto3.exceptions.Boto3Error():
            return f"AWS cannot be used: {error}"
        case OSError() if error.filename and not isinstance(error, BrokenPipeError):
            return f"{error.filename}: {error.strerror}"
    return None


app = typer.Typer(
    name="python -m app",
    help=HELP,
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    context: typer.Context,
    env: Annotated[
        str,
        typer.Option("--env", metavar="NAME", help="Environment: `local` on the embedded AWS, `dev` with --aws.",
                     show_default=False),
    ] = "",
    aws: Annotated[bool, typer.Option("--aws", help="Your AWS account (or set CASTLINE_CLOUD=aws).")] = False,
) -> None:
    """Read the options that every command shares."""
    cloud = os.environ.get("CASTLINE_CLOUD", "")
    if cloud not in ("", "aws", "embedded"):
        raise PipelineError(f"CASTLINE_CLOUD={cloud}: must be aws or embedded")
    on_aws = aws or cloud == "aws"
    context.obj = Target(environment=env or ("dev" if on_aws else "local"), aws=on_aws)


for group in (
    environment, status, generate, check, inbox, data, prelabel, stage_coco, watch, runs, approval, rollback,
    cost, ask
):
    group.register(app)


def run() -> None:
    """Entry point: run the command line and exit."""
    sys.exit(app(prog_name="python -m app"))
