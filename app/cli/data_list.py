"""data list: the versions there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli.console import emit_json, out, say
from app.cli.target import pipeline
from app.client import runs, versions
from app.client.versions import Version
from app.contracts.dataset import DatasetHead
from app.contracts.runs import Champion

SPLITS = ("train", "val", "test")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("list")(list_versions)


def list_versions(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 15,
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """List data-set versions, the newest first: size, what changed, which is the head and which the champion's.

    Example: [bold]python -m app data list[/]
    """
    where = pipeline(context)
    found = versions.newest_first(where)[:limit]
    head, champion = versions.head(where), runs.champion(where)
    if json:
        emit_json({"head": head, "champion": champion.version if champion else None, "versions": found})
    elif found:
        out.print(table(found, head, champion))
    else:
        say("No data-set version yet: [bold]python -m app upload FOLDER[/]")


def table(found: Iterable[Version], head: DatasetHead | None, champion: Champion | None) -> Table:
    """One version a line."""
    lines = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("Version", "Parent", "Made (UTC)"):
        lines.add_column(name, no_wrap=True)
    for name in (*(s.capitalize() for s in SPLITS), "Added", "Relabelled", "Removed"):
        lines.add_column(name, justify="right", no_wrap=True)
    lines.add_column("Classes", overflow="fold")
    lines.add_column("", no_wrap=True)
    for version in found:
        lines.add_row(
            version.version,
            (version.parent or "-")[:8],
            version.made_at[:16].replace("T", " "),
            *(str(version.images.get(split, 0)) for split in SPLITS),
            *(str(count) for count in (version.added, version.relabelled, version.removed)),
            escape(", ".join(c.name for c in version.classes)),
            marks(version.version, head, champion),
        )
    return lines


def marks(version: str, head: DatasetHead | None, champion: Champion | None) -> str:
    """`head, champion`: what points at a version."""
    said = (
        "[bold]head[/]" if head and head.version == version else "",
        "[bold green]champion[/]" if champion and champion.version == version else "",
    )
    return " ".join(filter(None, said))
