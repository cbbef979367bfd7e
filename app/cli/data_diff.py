"""data diff: what differs between two versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli.console import emit_json, err, out, say
from app.cli.target import pipeline
from app.client import version_diff, versions
from app.client.pipeline import Pipeline, PipelineError
from app.client.version_diff import ClassChange, Difference


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("diff")(diff)


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="Version to start from.", show_default="the parent of the other")] = "",
    after: Annotated[str, typer.Argument(help="Version to compare with.")] = versions.HEAD,
    names: Annotated[int, typer.Option(min=0, help="How many images of each kind to name.")] = version_diff.NAMES_KEPT,
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Say what differs between two versions: images added, removed, moved to another split, relabelled and how.

    Examples: [bold]python -m app data diff[/] (what the head changed), [bold]python -m app data diff 0a1b 77fe[/]
    """
    where = pipeline(context)
    newer = versions.resolve(where, after)
    older = versions.resolve(where, before) if before else _parent(where, newer)
    with err.status(f"Comparing {older} with {newer}"):
        found = version_diff.compare(
            (older, versions.members(where, older)), (newer, versions.members(where, newer)), names,
            version_diff.label_reader(where))
    if json:
        emit_json(found)
    else:
        show(found)


def _parent(where: Pipeline, version: str) -> str:
    found = versions.find(where, version)
    if found is None or found.parent is None:
        raise PipelineError(f"version {version} is a first version, without a parent: name two versions to compare")
    return found.parent


def show(found: Difference) -> None:
    """Print a difference."""
    say(f"From [bold]{found.before}[/] to [bold]{found.after}[/]: {found.added} added, {found.relabelled} relabelled, "
        f"{found.removed} removed, {found.moved} in another split, {found.same} the same.")
    moved = [f"{m.file_name} ({m.before} to {m.after})" for m in found.moved_names]
    for word, count, named in (
        ("Added", found.added, found.added_names), ("Relabelled", found.relabelled, found.relabelled_names),
        ("Removed", found.removed, found.removed_names), ("In another split", found.moved, moved),
    ):
        if named:
            _list(word, count, named)
    if found.classes:
        of = "" if found.labels_compared == found.relabelled else f" in the first {found.labels_compared}"
        out.print(f"\n[bold]What relabelling changed{of}[/]")
        out.print(classes_table(found.classes))


def classes_table(classes: Iterable[ClassChange]) -> Table:
    """One class a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Class", overflow="fold")
    for name in ("Objects drawn", "Deleted", "Redrawn", "Images"):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in classes:
        table.add_row(escape(entry.name), *(str(n) for n in (entry.drawn, entry.deleted, entry.redrawn, entry.images)))
    return table


def _list(word: str, count: int, names: Iterable[str]) -> None:
    listed = list(names)
    out.print(f"\n[bold]{word}[/]")
    for name in listed:
        say(f"  {escape(name)}")
    if count > len(listed):
        say(f"  ... and {count - len(listed)} more")
