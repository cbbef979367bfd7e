"""status: what is deployed, what runs, what serves, in one look."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from app.cli import lookup, rendering
from app.cli.console import emit_json, out
from app.cli.environment import PANEL
from app.cli.target import pipeline
from app.client import approvals, runs
from app.client.approvals import Waiting
from app.client.pipeline import Pipeline
from app.contracts import keys


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("status", rich_help_panel=PANEL)(status)


@dataclasses.dataclass(frozen=True)
class Overview:
    """What `status` tells.

    Attributes:
        endpoint_status: SageMaker's word, or `none` before the first promoted model.
        champion: Run whose model serves.
        champion_rolled_back_from: Run whose model it replaced, when a person rolled back to it.
        previous_champion: Run whose model a rollback would go to.
        active_run: Run that holds the lock.
        active_reason: Why that run was started.
        approval: Its model, if that waits for a person's word.
        approval_until: When it is rejected because nobody has decided.
        waiting: Files in the inbox.
        ready: The marker lies there too: the upload is complete.
    """

    environment: str
    embedded: bool
    bucket: str
    endpoint: str
    endpoint_status: str
    champion: str | None
    champion_since: str | None
    champion_mask_ap: float | None
    champion_rolled_back_from: str | None
    previous_champion: str | None
    active_run: str | None
    active_reason: str
    approval: Waiting | None
    approval_until: str | None
    waiting: int
    ready: bool
    console_url: str


def status(context: typer.Context, json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False) -> None:
    """Say what is deployed, what runs now, what waits in the inbox and what serves.

    Example: [bold]python -m app status[/]
    """
    overview = look(pipeline(context))
    if json:
        emit_json(overview)
    else:
        out.print(rendering.facts_table(_facts(overview)))


def look(where: Pipeline) -> Overview:
    """Ask the pipeline's parts."""
    champion, inbox, active = runs.champion(where), lookup.inbox(where), lookup.active_run(where)
    record = runs.record(where, active) if active else None
    asked = approvals.waiting(where) if active else None
    limit = lookup.settings(where).promotion.approval_timeout_seconds if asked else 0
    return Overview(
        environment=where.environment,
        embedded=where.embedded,
        bucket=where.bucket,
        endpoint=where.endpoint,
        endpoint_status=lookup.endpoint_status(where),
        champion=champion.run_id if champion else None,
        champion_since=champion.promoted_at if champion else None,
        champion_mask_ap=champion.mask_ap if champion else None,
        champion_rolled_back_from=champion.rolled_back_from if champion else None,
        previous_champion=champion.previous_run_id if champion else None,
        active_run=active,
        active_reason=record.reason if record else "",
        approval=asked,
        approval_until=asked.until(limit) if asked else None,
        waiting=len([key for key in inbox if key != keys.READY_MARKER]),
        ready=keys.READY_MARKER in inbox,
        console_url=where.console_url,
    )


def _facts(overview: Overview) -> list[tuple[str, str]]:
    where = "the embedded AWS of this machine" if overview.embedded else "your AWS account"
    files = "file waits" if overview.waiting == 1 else "files wait"
    waiting = f"{overview.waiting} {files}{', marked complete' if overview.ready else ''}"
    serves = "nothing yet: the first promoted model will"
    if overview.champion and overview.champion_since:
        serves = (f"the model of run {overview.champion}, mask AP {rendering.share(overview.champion_mask_ap)}, "
                  f"since {rendering.moment(overview.champion_since)}")
        if overview.champion_rolled_back_from:
            serves += f", rolled back from {overview.champion_rolled_back_from}"
    return [
        ("Environment", f"[bold]{overview.environment}[/] on {where}"),
        ("Bucket", overview.bucket),
        ("Inbox", waiting if overview.waiting else "empty: [bold]python -m app upload FOLDER[/] fills it"),
        ("Running now", _running(overview)),
        *_question(overview),
        ("Endpoint", f"{overview.endpoint}: {overview.endpoint_status}"),
        ("Serves", serves),
        ("Before it", f"the model of run {overview.previous_champion}: [bold]python -m app rollback[/]"
         if overview.previous_champion else ""),
        ("Console", overview.console_url),
    ]


def _running(overview: Overview) -> str:
    if not overview.active_run:
        return "nothing"
    return overview.active_run + (f": {escape(overview.active_reason)}" if overview.active_reason else "")


def _question(overview: Overview) -> Iterator[tuple[str, str]]:
    """The model that waits for a person, with the figures."""
    if overview.approval is None or overview.approval_until is None:
        return
    yield ("Waits for you", f"[yellow]approve or reject the model of run {overview.approval.run_id}[/] until "
           f"{rendering.moment(overview.approval_until)}, then it is rejected")
    for line in rendering.question(overview.approval):
        yield " ", line
    yield " ", "[bold]python -m app approve[/], or [bold]python -m app reject --reason ...[/]"
