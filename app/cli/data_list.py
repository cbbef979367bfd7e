"""data list: the versions there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli.console import emit_json, out, say
from app.cli.rendering import moment
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
    known = versions.newest_first(where)
    head, champion = versions.head(where), runs.champion(where)
    committed = versions.lineage(where, head.version, known) if head else set()
    shown = known[:limit]
    if json:
        lines = [dataclasses.asdict(v) | {"committed": v.version in committed} for v in shown]
        emit_json({"head": head, "champion": champion.version if champion else None, "versions": lines})
    elif shown:
        _show(shown, len(known), committed, head, champion)
    else:
        say("No data-set version yet: [bold]python -m app upload FOLDER[/]")


def _show(
    shown: Sequence[Version],
    known: int,
    committed: Collection[str],
    head: DatasetHead | None,
    champion: Champion | None,
) -> None:
    out.print(table(shown, committed, head, champion))
    say(f"[dim]Images: train/val/test. Changes: + added, ~ relabelled, - removed.{_more(known - len(shown))}[/]")
    if head and head.rollback:
        why = f": {escape(head.rollback.why)}" if head.rollback.why else ""
        say(f"The head was rolled back from [bold]{head.rollback.from_version}[/] by {escape(head.rollback.by)}, "
            f"{moment(head.rollback.at)}{why}.")


def table(
    shown: Iterable[Version], committed: Collection[str], head: DatasetHead | None, champion: Champion | None
) -> Table:
    """One version a line."""
    lines = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("Version", "Parent", "Made by run"):
        lines.add_column(name, no_wrap=True)
    for name in ("Images", "Changes", "Classes"):
        lines.add_column(name, justify="right", no_wrap=True)
    lines.add_column("", overflow="fold")
    for version in shown:
        lines.add_row(
            version.version,
            (version.parent or "-")[:8],
            version.run_id or moment(version.made_at),
            "/".join(str(version.images.get(split, 0)) for split in SPLITS),
            changes(version),
            str(len(version.classes)),
            marks(version.version, committed, head, champion),
        )
    return lines


def changes(version: Version) -> str:
    """`+72 ~3 -1`; what is nothing is left out."""
    counts = (("+", version.added), ("~", version.relabelled), ("-", version.removed))
    return " ".join(f"{sign}{count}" for sign, count in counts if count)


def marks(version: str, committed: Collection[str], head: DatasetHead | None, champion: Champion | None) -> str:
    """`head champion`: what points at a version; of a version that was never committed, just that."""
    said = (
        "[bold]head[/]" if head and head.version == version else "",
        "[bold green]champion[/]" if champion and champion.version == version else "",
        "[dim]not committed[/]" if version not in committed else "",
    )
    return " ".join(filter(None, said))


def _more(count: int) -> str:
    return f" {count} older ones: --limit." if count else ""
