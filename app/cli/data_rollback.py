"""data rollback: the next run builds on an older version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from app.cli import lookup
from app.cli.console import emit_json, say
from app.cli.target import pipeline
from app.client import runs, version_changes, version_diff, versions
from app.client.pipeline import Pipeline, PipelineError
from app.client.signature import signature
from app.client.version_diff import Difference
from app.contracts.dataset import Rollback


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("rollback")(rollback)


def rollback(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Version to go back to, or the beginning of its name.")],
    why: Annotated[str, typer.Option("--why", help="For those who wonder later.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For scripts; needs --yes.")] = False,
) -> None:
    """Let the next run build on an older version; versions and the model that serves stay as they are.

    Example: [bold]python -m app data rollback 0a1b --why "wrong labels of line 3"[/]
    """
    if json and not yes:
        raise PipelineError("--json cannot ask: add --yes")
    where = pipeline(context)
    head = versions.head(where)
    if head is None:
        raise PipelineError("no data-set version was committed yet: there is nothing to go back to")
    target = versions.resolve(where, version)
    _check_idle(where)
    version_changes.check_rollback(where, head, target)
    _tell(where, version_diff.compare(
        (head.version, versions.members(where, head.version)), (target, versions.members(where, target))), quiet=json)
    if not yes:
        typer.confirm("Go back?", abort=True)
    found = versions.find(where, target)
    at = datetime.now(UTC).replace(microsecond=0).isoformat()
    record = Rollback(head.version, target, signature(), at, why)
    _check_idle(where)
    version_changes.roll_back(where, head, record, found.run_id if found else "")
    if json:
        emit_json(record)
        return
    say(f"The head is [bold]{target}[/]; the next run adds to it.")
    say(f"Back again: [bold]python -m app data rollback {head.version}[/]")


def _check_idle(where: Pipeline) -> None:
    if run := lookup.active_run(where):
        raise PipelineError(f"run {run} is active and adds to the head: wait for it: python -m app watch {run}")


def _tell(where: Pipeline, change: Difference, *, quiet: bool) -> None:
    """Say what going back means, before it is done."""
    if quiet:
        return
    say(f"Going back from [bold]{change.before}[/] to [bold]{change.after}[/]:")
    if change.removed:
        say(f"  {_images(change.removed)} that came since will leave the data set, such as "
            f"{escape(change.removed_names[0])}.")
        say("  Their uploads left the inbox long ago: upload them again to have them back, each in its old split.")
    if change.relabelled:
        say(f"  {_images(change.relabelled)} will have the labels of then.")
    if change.added:
        say(f"  {_images(change.added)} removed since will be back.")
    waiting = len(lookup.inbox(where))
    if waiting:
        say(f"  Files that wait in the inbox: {waiting}; the next run adds them to {change.after}.")
    champion = runs.champion(where)
    if champion and champion.version != change.after:
        say(f"  The model that serves stays; it was trained on {champion.version}.")
        say("  A new one: [bold]python -m app run[/]")


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
