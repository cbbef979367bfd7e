"""up, down, deploy: the place where everything runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.console import out, say
from app.cli.target import target
from app.contracts import prices, worst_case

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
        assembly = deployment.deploy(chosen.environment, aws=chosen.aws)
    _tell_costs(assembly, aws=chosen.aws)
    say("Deployed. Next: [bold]python -m app upload FOLDER[/]")


def _tell_costs(assembly: Path, *, aws: bool) -> None:
    """Say what the environment costs while nothing runs, and what one run may cost."""
    import boto3

    from app import idle_cost
    from app.cli import cost_tables
    from app.embedded.settings import REGION

    mine = os.environ.get("AWS_REGION") or boto3.Session().region_name if aws else None
    region = mine or REGION  # which the CDK takes too when nobody names one
    settings, items = idle_cost.of_assembly(assembly, region)
    known = prices.of_region(region, settings.prices)
    where = f"{region}, list prices of {known.as_of}"
    title = f"A month in which nothing runs ({where})" if aws else f"Here nothing costs anything; in AWS ({where})"
    out.print(cost_tables.idle_table(items, title))
    run = "A run" if aws else "There a run"
    try:
        say(f"{run} may cost up to {worst_case.run_usd(settings, known):.2f} USD; docs/spend.md says how to limit it.")
    except prices.UnknownPriceError as unknown:
        say(escape(f"What {run.lower()} may cost is not known: {unknown}"))
