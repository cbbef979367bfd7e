"""data copy: a version's shards on the file system, from which training then reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import say
from app.cli.stage_coco import tracked
from app.cli.target import pipeline
from app.client import file_system, versions


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy")(copy)


def copy(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Name, its beginning, or `head`.")] = versions.HEAD,
) -> None:
    """Copy the training shards of a version to the EFS file system (docs/coco.md).

    With [bold]training.file_system.data[/] in the settings, every later training on this version reads them from there;
    versions that were not copied are read from S3 as before.

    Example: [bold]python -m app data copy head --aws[/]
    """
    where = pipeline(context)
    name = versions.resolve(where, version)
    shards = file_system.training_shards(where, name)
    total = sum(size for _, size, _ in file_system.sizes(where, shards))
    with tracked("Copy", total) as on_bytes:
        note = file_system.copy_version(where, name, on_bytes)
    say(f"{len(shards)} shards of [bold]{name}[/] ({total / 1e9:.1f} GB) are on {note.file_system_id}.")
