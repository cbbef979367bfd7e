"""watch: a run while it happens."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from app.cli import lookup, rendering
from app.cli.console import emit_json, err, out, say
from app.cli.target import pipeline
from app.client import runs, watching
from app.client.approvals import Waiting
from app.client.pipeline import Pipeline, PipelineError
from app.contracts.runs import RunRecord

PANEL = "Runs"
RECORD_SECONDS = 15.0
LOG_PREFIX = re.compile(r"^(\x1b\[\d+m)?\[\d{4} \d\d:\d\d:\d\d[^\]]*\](\x1b\[0m)? ?")
NOISE = re.compile(r"^(Throughput:|Model saved to )")
"""Lines for the job's metrics and for debugging; the line of the epoch tells enough."""
LASTING = re.compile(r"^(Interrupted|Resumed|mAP)", re.IGNORECASE)
"""Lines that a person should still see when training has gone on."""


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("watch", rich_help_panel=PANEL)(watch)


def watch(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(help="Run id, a part of it, or `latest`: what runs now, is about to, or ran last.")
    ] = runs.LATEST,
    json: Annotated[bool, typer.Option("--json", help="For scripts: progress on stderr, the run's record.")] = False,
) -> None:
    """Follow a run: its states, the progress of training, its result. Exit status 1 when the run failed.

    Examples: [bold]python -m app watch[/], [bold]python -m app watch latest | tee run.log[/]
    """
    where = pipeline(context)
    run_id = lookup.run_to_watch(where) if run == runs.LATEST else runs.resolve(where, run)
    follow_to_the_end(where, run_id, json=json)


def follow_to_the_end(where: Pipeline, run_id: str, *, json: bool = False) -> None:
    """Show a run until it ends, then its record.

    Raises:
        typer.Exit: with status 1 when the run failed.
    """
    ended = show_progress(where, run_id, err if json else out)
    record = _final_record(where, run_id)
    if record is not None and json:
        emit_json(record)
    elif record is not None:
        out.print()
        out.print(rendering.run_summary(record))
        if record.outcome == "PROMOTED":
            say("Try it: [bold]python -m app predict IMAGE[/]; its report: [bold]python -m app report[/]")
        if record.outcome == "ROLLED_BACK":
            say("The next run is compared with it. Which model serves: [bold]python -m app status[/]")
    if ended.status != "SUCCEEDED":
        raise typer.Exit(1)


def _final_record(where: Pipeline, run_id: str) -> RunRecord | None:
    """The record of a run that has ended; an aborted run's is completed by an event a moment later."""
    for _ in range(round(RECORD_SECONDS / lookup.POLL_SECONDS)):
        record = runs.record(where, run_id)
        if record is None or record.status != "RUNNING":
            return record
        time.sleep(lookup.POLL_SECONDS)
    return record


def show_progress(where: Pipeline, run_id: str, console: Console) -> watching.RunEnded:
    """Print a run's events until it ends: a live line on a terminal, plain lines elsewhere."""
    console.print(f"Run [bold]{run_id}[/]")
    with _live_line(console) as live:
        line, doing = live.add_task("", total=None), ""
        for event in watching.follow(where, run_id, wait=time.sleep):
            match event:
                case watching.StateBegan(name):
                    doing = name
                    live.reset(line, description=f"[bold]{name}[/]")
                    if not console.is_terminal:
                        console.print(f"  begun {name}")
                case watching.StateEnded(name, seconds):
                    console.print(f"  [green]done[/]  {name:<16}{rendering.duration(seconds):>12}")
                case watching.TrainingSaid(text):
                    said = LOG_PREFIX.sub("", text)
                    if NOISE.match(said):
                        continue
                    live.update(line, description=f"[bold]{doing}[/]  {escape(said)}")
                    if LASTING.match(said) or not console.is_terminal:
                        console.print(f"        {escape(said)}", soft_wrap=True)
                case watching.ApprovalAwaited(asked):
                    _show_question(console, asked)
                    live.update(line, description=f"[bold]{doing}[/]  waits for your word")
                case watching.RunEnded() as ended:
                    if ended.status != "SUCCEEDED":
                        why = escape(f"{ended.error} {ended.cause}".strip())
                        console.print(f"  [red]{ended.status.lower()}[/] in {doing}: {why}", soft_wrap=True)
                    return ended
    raise PipelineError(f"run {run_id}: its history ended without a result: python -m app show {run_id}")


def _show_question(console: Console, asked: Waiting) -> None:
    """What a person has to decide, and on what."""
    console.print("  [yellow]waits for your word[/]: its model was better", soft_wrap=True)
    for line in rendering.question(asked):
        console.print(f"        {line}", soft_wrap=True)
    console.print("        [bold]python -m app approve[/], or [bold]python -m app reject --reason ...[/], from another "
                  "terminal or later", soft_wrap=True)


def _live_line(console: Console) -> Progress:
    """One line that moves: spinner, state, what training says, how long the state has taken."""
    said = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    return Progress(SpinnerColumn(), said, TimeElapsedColumn(), console=console, transient=True, expand=True,
                    disable=not console.is_terminal)
