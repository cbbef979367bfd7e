"""data: the group of commands about data-set versions; each command has a file of its own."""

from __future__ import annotations

import typer

from app.cli import data_checkout, data_copy, data_diff, data_list, data_remove, data_rollback, data_show

HELP = """Data-set versions: what was trained on, what changed, and back.

A version may be named by the beginning of its name, and the newest committed one by [bold]head[/] (docs/versions.md).
"""


def register(app: typer.Typer) -> None:
    """Add the group with all its commands."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
    for command in (data_list, data_show, data_diff, data_checkout, data_remove, data_rollback, data_copy):
        command.register(group)
    app.add_typer(group, name="data", rich_help_panel="Data")
