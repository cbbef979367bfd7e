"""rollback: the champion of before serves again."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import lookup, rendering
from app.cli.console import emit_json, say
from app.cli.target import pipeline
from app.cli.watch import PANEL, follow_to_the_end
from app.client import runs
from app.client.pipeline import Pipeline, PipelineError
from app.client.signature import signed
from app.contracts.runs import Champion


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback", rich_help_panel=PANEL)(rollback)


def rollback(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(help="Run whose model served once, or a part of its id; without: the one before.",
                            show_default=False)
    ] = "",
    why: Annotated[str, typer.Option("--why", help="For those who wonder later.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    watch: Annotated[bool, typer.Option(help="Follow it to its end; it goes on by itself anyway.")] = True,
    json: Annotated[bool, typer.Option("--json", help="For scripts; needs --yes.")] = False,
) -> None:
    """Let an earlier champion serve again, proven like a new model; data set and inbox stay as they are.

    Exit status 1 when it did not come to that; then the model that serves now goes on.

    Examples: [bold]python -m app rollback[/], [bold]python -m app rollback 20261121-07 --why "misses chipping"[/]
    """
    if json and not yes:
        raise PipelineError("--json cannot ask: add --yes")
    where = pipeline(context)
    now = _now(where)
    if active := lookup.active_run(where):
        raise PipelineError(f"run {active} is active: wait for it: python -m app watch {active}")
    before = _before(where, run, now)
    if not json:
        _tell(now, before)
    if not yes:
        typer.confirm("Roll back?", abort=True)
    decision = runs.roll_back(where, before.run_id, seen=now.run_id, reason=signed("rolled back", why))
    if decision.get("start") is not True:
        raise PipelineError(f"no rollback was started: {decision.get('reason', decision)}")
    if watch:
        follow_to_the_end(where, decision["run_id"], json=json)
    elif json:
        emit_json(decision)
    else:
        say(f"Started. Follow it: [bold]python -m app watch {decision['run_id']}[/]")


def _now(where: Pipeline) -> Champion:
    champion = runs.champion(where)
    if champion is None:
        raise PipelineError("no model serves yet, so there is none to go back from: python -m app status")
    return champion


def _before(where: Pipeline, run: str, now: Champion) -> Champion:
    """The champion to go back to."""
    if not run and now.previous_run_id is None:
        raise PipelineError(f"the model of run {now.run_id} is the first champion: there is none before it")
    run_id = runs.resolve(where, run) if run else str(now.previous_run_id)
    if run_id == now.run_id:
        raise PipelineError(f"the model of run {run_id} serves already")
    before = runs.former_champion(where, run_id)
    if before is None:
        raise PipelineError(f"the model of run {run_id} never served: python -m app runs shows which were promoted")
    return before


def _tell(now: Champion, before: Champion) -> None:
    """Say what will serve instead of what."""
    say(f"Serves now:    the model of run [bold]{now.run_id}[/], mask AP {rendering.share(now.mask_ap)}, since "
        f"{rendering.moment(now.promoted_at)}")
    say(f"Serves then:   the model of run [bold]{before.run_id}[/], mask AP {rendering.share(before.mask_ap)}, which "
        f"became champion {rendering.moment(before.promoted_at)}")
    say("Each mask AP is that on the test set of its own run.")
