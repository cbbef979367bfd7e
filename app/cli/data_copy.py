"""data copy: a version's shards on the file system, from which training then reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import emit_json, say
from app.cli.stage_coco import tracked
from app.cli.target import pipeline
from app.client import file_system, versions
from app.client.pipeline import Pipeline, PipelineError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy")(copy)


def copy(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Name, its beginning, or `head`.")] = versions.HEAD,
    only_logs: Annotated[
        bool, typer.Option("--only-logs", help="Only make the directory of the logs, before there is a version.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Copy the training shards of a version to the EFS file system (docs/coco.md).

    With [bold]training.file_system.data[/] in the settings, every later training on this version reads them from there;
    versions that were not copied are read from S3 as before.

    Example: [bold]python -m app data copy head --aws[/]
    """
    where = pipeline(context)
    if only_logs:
        _make_log_directory(where)
        return
    name = versions.resolve(where, version)
    shards = file_system.training_shards(where, name)
    total = sum(size for _, size, _ in file_system.sizes(where, shards))
    with tracked("Copy", total) as on_bytes:
        note = file_system.copy_version(where, name, on_bytes)
    if json:
        emit_json({"version": name, "shards": len(shards), "bytes": total, "file_system": note.file_system_id})
        return
    say(f"{len(shards)} shards of [bold]{name}[/] ({total / 1e9:.1f} GB) are on {note.file_system_id}.")


def _make_log_directory(where: Pipeline) -> None:
    target = file_system.find(where)
    if not target.log_directory:
        raise PipelineError("the deployment has no log directory: set training.file_system.log_directory and deploy")
    with tracked("Copy", None) as on_bytes:
        file_system.copy(where, target, (), on_bytes)
    say(f"[bold]{target.log_directory}[/] on {target.file_system_id} is there.")
