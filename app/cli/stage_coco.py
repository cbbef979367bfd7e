"""stage-coco: COCO 2017 on this machine, and from there in S3 and on the file system."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from app.cli.console import err, say
from app.cli.target import pipeline
from app.client import file_system
from app.client.file_system import FileSystem
from app.client.pipeline import Pipeline
from app.contracts import keys
from app.contracts.file_system import directory
from app.staging.progress import OnBytes


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("stage-coco", rich_help_panel="Data")(stage_coco)


def stage_coco(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where it goes; 42 GB must be free at first.")] = Path("build/coco"),
    weights: Annotated[bool, typer.Option(help="Also tensorpack's ImageNet weights of ResNet-50.")] = True,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep the zips after unpacking.")] = False,
    upload: Annotated[bool, typer.Option("--upload", help="Then bring it to the deployment's bucket.")] = False,
    efs: Annotated[
        bool, typer.Option("--efs", help="Then also to its EFS file system (DataSync); implies --upload.")
    ] = False,
) -> None:
    """Download COCO 2017 (20 GB), check and unpack it; call again after any interruption, only the rest is done.

    What happens with it then: docs/coco.md.

    Examples: [bold]python -m app stage-coco --folder /data/coco[/], [bold]python -m app stage-coco --efs --aws[/]
    """
    from app.staging import catalogue  # here: the network libraries take a while to import
    from app.staging.coco import CocoFolder
    from app.staging.download import Downloader

    # Asked first: hours later would be late to hear that something is not deployed.
    where = pipeline(context) if upload or efs else None
    target = file_system.find(where) if where and efs else None
    staged = CocoFolder(
        folder, tracked, catalogue.COCO_2017, catalogue.IMAGENET_R50 if weights else None, keep_archives=keep_archives
    ).stage(Downloader())
    fetched, already = (", ".join(names) or "nothing" for names in (staged.fetched, staged.already))
    say(f"[bold]{escape(str(folder))}[/] is complete (new: {fetched}; there already: {already}).")
    if where:
        _upload(where, folder)
    if where and target:
        _copy(where, target)


def _copy(where: Pipeline, target: FileSystem) -> None:
    total = sum(size for _, size, _ in file_system.sizes(where, [keys.COCO]))
    with tracked("Copy to EFS", total) as on_bytes:
        file_system.copy(where, target, [keys.COCO], on_bytes)
    say(f"[bold]{directory(keys.COCO)}[/] on the file system {target.file_system_id} is complete.")


def _upload(where: Pipeline, folder: Path) -> None:
    from app.staging.catalogue import WEIGHTS_FOLDER
    from app.staging.coco import staged_files
    from app.staging.upload import upload

    files = sorted(staged_files(folder))
    total = sum(path.stat().st_size for path, _ in files)
    with tracked("Upload", total) as on_bytes:
        sent = upload(where.client("s3"), where.bucket, files, keys.COCO, on_bytes)
    say(f"{sent.files} files in [bold]{keys.uri(where.bucket, keys.COCO)}[/], {sent.sent} of them new "
        f"({sent.sent_bytes / 1e9:.1f} GB).")
    if weights := [(path, path.name) for path, name in files if name.startswith(f"{WEIGHTS_FOLDER}/")]:
        upload(where.client("s3"), where.bucket, weights, keys.WEIGHTS)  # where training looks for them


@contextlib.contextmanager
def tracked(what: str, total_bytes: int | None) -> Iterator[OnBytes]:
    """One bar on a terminal; a line at the beginning elsewhere."""
    if not err.is_terminal:
        err.print(f"{what} ...", highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total_bytes)
        yield lambda count: progress.advance(task, count)
