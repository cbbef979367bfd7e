"""data remove: ask images out of the data set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli.console import emit_json, out, say
from app.cli.target import pipeline
from app.client import version_changes, versions
from app.client.pipeline import PipelineError
from app.contracts import keys
from app.contracts.dataset import Member

_SHOWN = 20


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("remove")(remove)


def remove(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Image: file name, path below its data set, hash or 8 digits of it.",
                       show_default=False),
    ] = None,
    listed: Annotated[Path | None, typer.Option("--list", help="File with one image a line.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ready: Annotated[bool, typer.Option(help="Start a run without waiting for more.")] = True,
    json: Annotated[bool, typer.Option("--json", help="For scripts; needs --yes.")] = False,
) -> None:
    """Take images out of the data set with the next run; older versions keep them.

    An image that comes back later has the split that it had: a test image never becomes a training image.

    Example: [bold]python -m app data remove casting_7.png 0a1b2c3d[/]
    """
    if json and not yes:
        raise PipelineError("--json cannot ask: add --yes")
    wanted = [*(names or ()), *_lines(listed)]
    if not wanted:
        raise PipelineError("no image is named: for example python -m app data remove casting_7.png")
    where = pipeline(context)
    images = version_changes.find_images(wanted, where, versions.resolve(where, versions.HEAD))
    if not json:
        out.print(table(images[:_SHOWN]))
        if len(images) > _SHOWN:
            say(f"... and {len(images) - _SHOWN} more")
    if not yes:
        typer.confirm(f"Take {_count(images)} out of the data set?", abort=True)
    key = version_changes.ask_out(where, images, f"remove-{datetime.now(UTC):%Y%m%d-%H%M%S}", ready=ready)
    if json:
        emit_json({"request": keys.uri(where.bucket, key), "ready": ready, "images": images})
    elif ready:
        say(f"Asked for in {key}; a run starts by itself: [bold]python -m app watch[/]")
    else:
        say(f"Asked for in {key}; a run starts when the inbox is quiet, or now with [bold]python -m app run[/].")


def table(images: list[Member]) -> Table:
    """One image a line."""
    lines = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    lines.add_column("Image", overflow="fold")
    lines.add_column("Split", no_wrap=True)
    lines.add_column("Objects", justify="right", no_wrap=True)
    lines.add_column("Hash", no_wrap=True)
    for image in images:
        lines.add_row(escape(image.file_name), image.split, str(image.instances), image.image_sha256[:12])
    return lines


def _lines(listed: Path | None) -> list[str]:
    return [line.strip() for line in listed.read_text().splitlines() if line.strip()] if listed else []


def _count(images: list[Member]) -> str:
    return "this image" if len(images) == 1 else f"these {len(images)} images"
