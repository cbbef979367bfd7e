"""upload: photographs and labels into the inbox."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.cli.console import out
from app.cli.target import pipeline
from app.client import uploads


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("upload")(upload)


def upload(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder with photographs and labels, or one photograph.")],
    name: Annotated[str, typer.Option(help="Folder in the inbox; made of the path and the time unless given.")] = "",
    ready: Annotated[bool, typer.Option(help="Say that the upload is complete, so that a run starts at once.")] = True,
) -> None:
    """Upload a labelled data set; a run starts by itself.

    Example: python -m app upload castings/
    """
    plan = uploads.plan(path, name or None, datetime.now(UTC))
    where = pipeline(context)
    with Progress(TextColumn("Uploading"), BarColumn(), MofNCompleteColumn(), console=out, transient=True) as progress:
        task = progress.add_task("upload", total=len(plan.files))
        uploads.upload(where, plan, ready=ready, on_file=lambda _: progress.advance(task))
    out.print(f"Uploaded {plan.images} images and {len(plan.files) - plan.images} label files "
              f"({plan.total_bytes / 1e6:.1f} MB) as [bold]{plan.name}[/].")
    if plan.skipped:
        out.print(f"Left alone: {len(plan.skipped)} other files, such as {plan.skipped[0].name}.")
    if ready:
        out.print("A run starts now: [bold]python -m app watch[/]")
    else:
        out.print("A run starts when the inbox is quiet, or now with [bold]python -m app run[/].")
