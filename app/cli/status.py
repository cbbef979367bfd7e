"""status: what is deployed, what runs, what serves, in one look."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from app.cli import lookup, rendering
from app.cli.console import emit_json, out
from app.cli.environment import PANEL
from app.cli.target import pipeline
from app.client import runs
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
        active_run: Run that holds the lock.
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
    active_run: str | None
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
    champion, inbox = runs.champion(where), lookup.inbox(where)
    return Overview(
        environment=where.environment,
        embedded=where.embedded,
        bucket=where.bucket,
        endpoint=where.endpoint,
        endpoint_status=lookup.endpoint_status(where),
        champion=champion.run_id if champion else None,
        champion_since=champion.promoted_at if champion else None,
        champion_mask_ap=champion.mask_ap if champion else None,
        active_run=lookup.active_run(where),
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
    return [
        ("Environment", f"[bold]{overview.environment}[/] on {where}"),
        ("Bucket", overview.bucket),
        ("Inbox", waiting if overview.waiting else "empty: [bold]python -m app upload FOLDER[/] fills it"),
        ("Running now", overview.active_run or "nothing"),
        ("Endpoint", f"{overview.endpoint}: {overview.endpoint_status}"),
        ("Serves", serves),
        ("Console", overview.console_url),
    ]
