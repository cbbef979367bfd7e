"""up, down, status, deploy: the place where everything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import emit_json, out
from app.cli.target import target


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (up, down, status, deploy):
        app.command()(command)


def up(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 0) -> None:
    """Start the embedded AWS on this machine; what it held before is there again."""
    from app.embedded import control

    with out.status("Starting the embedded AWS"):
        started = control.up(**({"port": port} if port else {}))
    out.print(f"The embedded AWS is up at [bold]{started.endpoint_url}[/]; its state is in {started.state}.")
    out.print("Next: [bold]python -m app deploy[/]")


def down() -> None:
    """Stop the embedded AWS; nothing that it holds is lost."""
    from app.embedded import control

    with out.status("Stopping the embedded AWS"):
        was_up = control.down()
    out.print("The embedded AWS is down; python -m app up brings it back." if was_up else "It was not up.")


def status(context: typer.Context, json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False) -> None:
    """Say what is up, what is deployed and what serves."""
    from app.client import runs

    pipeline = target(context).connect()
    champion = runs.champion(pipeline)
    if json:
        emit_json({"environment": pipeline.environment, "embedded": pipeline.embedded, "bucket": pipeline.bucket,
                   "endpoint": pipeline.endpoint, "champion": champion.run_id if champion else None})
        return
    where = "the embedded AWS" if pipeline.embedded else "your AWS account"
    out.print(f"Environment [bold]{pipeline.environment}[/] on {where}")
    out.print(f"Bucket      {pipeline.bucket}")
    serving = f"run {champion.run_id} since {champion.promoted_at}" if champion else "nothing yet"
    out.print(f"Endpoint    {pipeline.endpoint}: serves {serving}")


def deploy(context: typer.Context) -> None:
    """Create or update the stacks (cdk bootstrap and cdk deploy)."""
    from app import deploy as deployment

    chosen = target(context)
    deployment.deploy(chosen.environment, aws=chosen.aws)
    out.print("Deployed. Next: [bold]python -m app upload FOLDER[/]")
