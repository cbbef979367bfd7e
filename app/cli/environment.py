"""up, down, deploy: the place where everything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import out, say
from app.cli.target import target

PANEL = "The place"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (up, deploy, down):
        app.command(rich_help_panel=PANEL)(command)


def up(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; 4566 unless given.", show_default=False)] = None,
) -> None:
    """Start the embedded AWS on this machine; what it held before is there again.

    Example: [bold]python -m app up[/]
    """
    from app.embedded import control

    with out.status("Starting the embedded AWS"):
        started = control.up(port)
    say(f"The embedded AWS is up at [bold]{started.endpoint_url}[/]; its state is in {started.state}.")
    say("Next: [bold]python -m app deploy[/]")


def down() -> None:
    """Stop the embedded AWS; nothing that it holds is lost.

    Example: [bold]python -m app down[/]
    """
    from app.embedded import control

    with out.status("Stopping the embedded AWS"):
        was_up = control.down()
    say("The embedded AWS is down; [bold]python -m app up[/] brings it back." if was_up else "It was not up.")


def deploy(context: typer.Context) -> None:
    """Create the pipeline, or bring it up to date: buckets, functions, state machine (cdk bootstrap, cdk deploy).

    Examples: [bold]python -m app deploy[/], and into your account [bold]python -m app deploy --aws --env dev[/]
    """
    from app import deploy as deployment

    chosen = target(context)
    with out.status("Deploying the stacks; the first time takes a minute, in an AWS account some ten"):
        deployment.deploy(chosen.environment, aws=chosen.aws)
    say("Deployed. Next: [bold]python -m app upload FOLDER[/]")
