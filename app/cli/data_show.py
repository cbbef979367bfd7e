"""data show: what a data set looks like, as tables and as one page to send around."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli import lookup, portrait_tables
from app.cli.console import emit_json, err, out, say
from app.cli.target import pipeline
from app.client import versions
from app.client.programs import run_module
from app.contracts import documents
from app.contracts.portrait import PORTRAIT_JSON, PORTRAIT_PAGE, Portrait

MODULE = "maskrcnn.data.portrait"
OUTPUT = Path("build/data")


def register(group: typer.Typer) -> None:
    """Add the command to the group data."""
    group.command("show")(show)


def show(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A version or the beginning of one; or a folder or archive of labels, "
                                                "which is looked at before it is uploaded.")] = versions.HEAD,
    to: Annotated[
        Path | None, typer.Option("--out", help=f"Folder of the page; {OUTPUT}/<version> unless given.",
                                  show_default=False)
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Preset whose anchors and input size are compared; the deployment's unless given.",
                          show_default=False)
    ] = "",
    images: Annotated[int, typer.Option(min=1, help="Measure the pixels of about so many images; labels are all "
                                                    "read.")] = 4000,
    json: Annotated[bool, typer.Option("--json", help="For scripts: the numbers.")] = False,
) -> None:
    """Show a data set: classes, sizes, brightness, sharpness, fitting anchors, examples, and what to do about it.

    Examples: [bold]python -m app data show[/], [bold]python -m app data show 044f71[/],
    [bold]python -m app data show castings.zip --preset demo[/]
    """
    local = version != versions.HEAD and Path(version).exists()
    where = None if local else pipeline(context)
    name = version if where is None else versions.resolve(where, version)
    folder = to or OUTPUT / Path(name).resolve().name
    chosen = {"preset": preset} if preset else {} if where is None else lookup.settings(where).training.hyperparameters
    arguments = ["--hyperparameters", json_text.dumps(chosen), "--images", str(images)]
    source = [name, str(folder)] if where is None else [f"s3://{where.bucket}", str(folder), "--version", name]
    with err.status(f"Looking at {escape(name)}"):
        run_module(MODULE, [*source, *arguments], where)
    portrait = documents.from_json(Portrait, (folder / PORTRAIT_JSON).read_bytes())
    if json:
        emit_json(portrait)
        return
    for part in portrait_tables.parts(portrait):
        out.print(part)
    say(f"Pictures, and all of this to send around: [bold]{folder / PORTRAIT_PAGE}[/]")
