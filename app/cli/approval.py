"""approve, reject: a person's word on a model that waits for it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import emit_json, say
from app.cli.target import pipeline
from app.cli.watch import PANEL
from app.client import approvals
from app.client.approvals import Decision
from app.client.pipeline import Pipeline, PipelineError

Run = Annotated[str, typer.Argument(help="Run id or a part of it; without: the run that waits.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("approve", rich_help_panel=PANEL)(approve)
    app.command("reject", rich_help_panel=PANEL)(reject)


def approve(
    context: typer.Context,
    run: Run = "",
    reason: Annotated[str, typer.Option("--reason", help="For those who wonder later.")] = "",
    json: Json = False,
) -> None:
    """Let the model that waits be published; it still has to answer its golden images as it was evaluated.

    Example: [bold]python -m app approve[/]
    """
    _decide(pipeline(context), run, "Approved", reason, json=json)


def reject(
    context: typer.Context,
    run: Run = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; stands in the registry and in the record.",
                                        show_default=False)] = "",
    json: Json = False,
) -> None:
    """Keep the model that waits from being published; its data join the data set, the champion serves on.

    Example: [bold]python -m app reject --reason "misses chipping on line 3"[/]
    """
    if not reason.strip():
        raise PipelineError('say why, for those who read the record: --reason "misses chipping on line 3"')
    _decide(pipeline(context), run, "Rejected", reason, json=json)


def _decide(where: Pipeline, run: str, decision: Decision, reason: str, *, json: bool) -> None:
    asked = approvals.decide(where, run, decision, reason)
    if json:
        emit_json({"run_id": asked.run_id, "decision": decision, "model_package_arn": asked.model_package_arn})
        return
    say(f"The model of run [bold]{asked.run_id}[/] is {approvals.DEEDS[decision]}. "
        f"What comes of it: [bold]python -m app watch {asked.run_id}[/]")
