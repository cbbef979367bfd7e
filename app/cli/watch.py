"""watch: a run while it happens."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.console import Console

from app.cli import rendering
from app.cli.console import out
from app.cli.target import pipeline
from app.client import runs, watching
from app.client.pipeline import Pipeline

PREFIX = re.compile(r"^(\x1b\[\d+m)?\[\d{4} \d\d:\d\d:\d\d[^\]]*\](\x1b\[0m)? ?")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("watch")(watch)


def watch(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Run id, a part of it, or `latest`.")] = runs.LATEST,
) -> None:
    """Follow a run: its states, the progress of training, its result. Exit status 1 when the run failed."""
    where = pipeline(context)
    run_id = runs.resolve(where, run)
    ended = show_progress(where, run_id, out)
    record = runs.record(where, run_id)
    if record is not None:
        out.print()
        out.print(rendering.run_summary(record))
    raise typer.Exit(0 if ended.status == "SUCCEEDED" else 1)


def show_progress(where: Pipeline, run_id: str, console: Console) -> watching.RunEnded:
    """Print a run's events until it ends: a live line on a terminal, plain lines elsewhere."""
    console.print(f"Run [bold]{run_id}[/]")
    with console.status("") as live:
        doing = ""
        for event in watching.follow(where, run_id):
            match event:
                case watching.StateBegan(name):
                    doing = name
                    live.update(f"  {name}")
                case watching.StateEnded(name, seconds):
                    console.print(f"  [green]done[/]  {name:<14}{rendering.duration(seconds):>14}")
                case watching.TrainingSaid(text):
                    said = PREFIX.sub("", text)
                    live.update(f"  {doing}: {said}") if console.is_terminal else console.print(f"        {said}")
                case watching.RunEnded() as ended:
                    if ended.status != "SUCCEEDED":
                        console.print(f"  [red]{ended.status.lower()}[/]  {doing}: {ended.error} {ended.cause}")
                    return ended
    raise AssertionError("follow always ends with RunEnded")
