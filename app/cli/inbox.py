"""upload: photographs and labels into the inbox."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli import lookup
from app.cli.console import emit_json, err, say
from app.cli.target import pipeline
from app.cli.watch import follow_to_the_end
from app.client import uploads
from app.client.pipeline import Pipeline
from app.contracts import keys
from app.contracts.uploads import LabelFormat, UploadNote


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("upload", rich_help_panel="Data")(upload)


def upload(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder of photographs and labels, or a zip or tar of it.")],
    name: Annotated[str, typer.Option(help="Folder in the inbox; made of the path and the time unless given.")] = "",
    ready: Annotated[
        bool, typer.Option(help="Say that the upload is complete, so that a run starts without waiting.")
    ] = True,
    label_format: Annotated[
        LabelFormat | None, typer.Option("--format", help="Format of the labels; recognised by content unless given.")
    ] = None,
    class_name: Annotated[
        str, typer.Option("--class", help="Class of every object whose label names none.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run that starts, to its end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Upload a labelled data set, as the labelling tool wrote it (docs/formats.md); a run starts by itself.

    The mark that the upload is complete goes last. When something breaks before, upload again under the same --name.

    Examples: [bold]python -m app upload castings/[/], [bold]python -m app upload more.zip --no-ready --name line-3[/]
    """
    note = UploadNote(label_format, class_name) if label_format or class_name else None
    plan = uploads.plan(path, name or None, datetime.now(UTC), note)
    where = pipeline(context)
    before = lookup.newest_run(where) if watch else None
    _carry_out(where, plan, ready=ready)
    if json and not watch:  # one document on stdout: the upload, or in the end the run's record
        emit_json({"name": plan.name, "prefix": keys.uri(where.bucket, f"{keys.INBOX}{plan.name}/"),
                   "images": plan.images, "archives": plan.archives, "others": _labels(plan), "bytes": plan.total_bytes,
                   "skipped": [str(p) for p in plan.skipped], "ready": ready})
    elif not json:
        _tell(plan, ready=ready, watched=watch)
    if watch:
        follow_to_the_end(where, lookup.next_run(where, before), json=json)


def _carry_out(where: Pipeline, plan: uploads.UploadPlan, *, ready: bool) -> None:
    columns = (TextColumn("Uploading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("upload", total=len(plan.files))
        uploads.upload(where, plan, ready=ready, on_file=lambda _: progress.advance(task))


def _tell(plan: uploads.UploadPlan, *, ready: bool, watched: bool) -> None:
    archives = f", {plan.archives} archives" if plan.archives else ""
    say(f"Uploaded {plan.images} images{archives} and {_labels(plan)} label files "
        f"({plan.total_bytes / 1e6:.1f} MB) as [bold]{plan.name}[/].")
    if plan.skipped:
        say(f"Left alone, not a supported kind: {escape(skipped(plan.skipped))}.")
    if not ready:
        say("A run starts when the inbox is quiet, or now with [bold]python -m app run[/].")
    elif not watched:
        say("A run starts by itself: [bold]python -m app watch[/]")


def _labels(plan: uploads.UploadPlan) -> int:
    return len(plan.files) - plan.images - plan.archives


def skipped(paths: tuple[Path, ...]) -> str:
    """`3 .pdf (notes.pdf, ...), 1 without suffix (LICENSE)`."""
    kinds = Counter(p.suffix.lower() for p in paths)
    return ", ".join(
        f"{count} {kind or 'without suffix'} "
        f"({next(p.name for p in paths if p.suffix.lower() == kind)}{', ...' if count > 1 else ''})"
        for kind, count in kinds.most_common())
