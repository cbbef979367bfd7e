"""All commands, and what happens when one fails: one sentence on stderr, exit status 1, no stack trace."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from app.cli import ask, environment, generate, inbox, runs, watch
from app.cli.console import err
from app.cli.target import Target
from app.client.pipeline import PipelineError
from app.contracts.documents import ContractError

app = typer.Typer(
    name="python -m app",
    help="Castline: from labelled castings to a guarded inspection endpoint.\n\n"
    "Commands talk to the embedded AWS of this machine, or with --aws to your account.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    context: typer.Context,
    env: Annotated[
        str, typer.Option("--env", help="Environment: `local` on the embedded AWS; with --aws `dev` unless given.")
    ] = "",
    aws: Annotated[bool, typer.Option("--aws", help="Your AWS account (or CASTLINE_CLOUD=aws).")] = False,
) -> None:
    """Read the options that every command shares."""
    on_aws = aws or os.environ.get("CASTLINE_CLOUD") == "aws"
    context.obj = Target(environment=env or ("dev" if on_aws else "local"), aws=on_aws)


for group in (environment, inbox, runs, watch, ask, generate):
    group.register(app)


def run() -> None:
    """Entry point: run the command line and exit."""
    try:
        app()
    except (PipelineError, ContractError) as error:
        _fail(str(error))
    except ClientError as error:
        _fail(f"AWS refused {error.operation_name}: {error.response['Error'].get('Message', error)}")
    except BotoCoreError as error:
        _fail(f"AWS cannot be reached: {error}")
    except KeyboardInterrupt:
        _fail("stopped")


def _fail(message: str) -> None:
    err.print(f"[bold red]Error:[/] {message}", markup=True)
    sys.exit(1)
