"""data checkout: a version as files that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import emit_json, err, say
from app.cli.target import pipeline
from app.client import versions
from app.client.pipeline import PipelineError
from app.client.programs import run_module
from app.contracts.uploads import EXPORT_FORMATS, ExportFormat

MODULE = "maskrcnn.data.export"


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("checkout")(checkout)


def checkout(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Version, the beginning of its name, or `head`.")],
    label_format: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help=", ".join(EXPORT_FORMATS) + ".")],
    target: Annotated[Path, typer.Argument(help="Folder to make; an empty one will do.")],
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Write all images of a version with their labels, each split apart, in the format of another tool.

    What a format cannot say (docs/formats.md), it refuses or counts. A Supervisely project that is uploaded again
    changes nothing but what was redrawn.

    Examples: [bold]python -m app data checkout head coco out/[/],
    [bold]python -m app data checkout 0a1b supervisely to-relabel/[/]
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PipelineError(f"{target}: holds something already: name a new folder")
    where = pipeline(context)
    name = versions.resolve(where, version)
    found = versions.find(where, name)
    if found is None:
        raise PipelineError(f"version {name} is not whole: the run that made it did not end well: "
                            "python -m app data list shows the whole ones")
    with err.status(f"Writing {sum(found.images.values())} images of {name}"):
        run_module(MODULE, [f"s3://{where.bucket}", label_format, str(target), "--version", name], where)
    if json:
        emit_json({"version": name, "format": label_format, "target": str(target), "images": found.images})
    else:
        counts = ", ".join(f"{split} {found.images.get(split, 0)}" for split in ("train", "val", "test"))
        say(f"Version [bold]{name}[/] is in [bold]{target}[/] as {label_format}: {counts}.")
