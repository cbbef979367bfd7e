"""run, runs, show, report, findings, interrupt: orders to the gate, and runs after the fact."""

from __future__ import annotations

import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import lookup, rendering
from app.cli.console import emit_json, out, say
from app.cli.target import pipeline
from app.cli.watch import PANEL, follow_to_the_end
from app.client import runs as client
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import keys
from app.contracts.runs import RunRecord

Run = Annotated[str, typer.Argument(help="Run id, a part of it, or `latest`.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("run", rich_help_panel=PANEL)(force)
    app.command("runs", rich_help_panel=PANEL)(list_runs)
    app.command("show", rich_help_panel=PANEL)(show)
    app.command("report", rich_help_panel=PANEL)(report)
    app.command("findings", rich_help_panel=PANEL)(findings)
    app.command("quarantine", hidden=True)(findings)
    app.command("interrupt", rich_help_panel=PANEL)(interrupt)


def force(
    context: typer.Context,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Hyperparameter for this run only; may be repeated."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run to its end.")] = False,
    over_budget: Annotated[
        bool, typer.Option("--over-budget", help="Although spend.per_month_usd or spend.per_run_usd says no.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a run now, whatever the gate's waiting rules say. Exit status 1 when none was started.

    Examples: [bold]python -m app run[/], [bold]python -m app run --set epochs=2 --watch[/]
    """
    hyperparameters = _settings(settings or [])
    where = pipeline(context)
    before = lookup.newest_run(where) if watch else None
    decision = client.force(where, hyperparameters, over_budget=over_budget)
    started = decision.get("start") is True
    if json and not (started and watch):  # one document on stdout: the decision, or in the end the run's record
        emit_json(decision)
    elif not json:
        say(f"{'Started:' if started else 'No run was started:'} {decision.get('reason', decision)}")
        if started and not watch:
            say("Follow it: [bold]python -m app watch[/]")
    if started and watch:
        follow_to_the_end(where, lookup.next_run(where, before), json=json)
    if not started:
        raise typer.Exit(1)


def _settings(assignments: list[str]) -> dict[str, str]:
    """`["epochs=1"]` as a dict."""
    pairs = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise PipelineError(f"--set {assignment}: write NAME=VALUE, for example --set epochs=2")
        pairs[name] = value
    return pairs


def list_runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 15,
    json: Json = False,
) -> None:
    """List runs with their result and quality, the newest first, and which model serves.

    Example: [bold]python -m app runs --limit 5[/]
    """
    where = pipeline(context)
    records = [r for r in (client.record(where, run_id) for run_id in client.run_ids(where, limit)) if r]
    if json:
        emit_json(records)
    elif records:
        out.print(rendering.runs_table(records, client.champion(where), datetime.now(UTC)))
    else:
        say("No run yet: [bold]python -m app upload FOLDER[/]")


def show(context: typer.Context, run: Run = client.LATEST, json: Json = False) -> None:
    """Show everything that the record of a run says: quality, cost, decision, failure.

    Example: [bold]python -m app show latest[/]
    """
    record = _record(pipeline(context), run)
    if json:
        emit_json(record)
    else:
        out.print(rendering.run_summary(record))


def report(
    context: typer.Context,
    run: Run = client.LATEST,
    to: Annotated[Path, typer.Option("--out", help="Folder to write the page into.")] = Path("build/reports"),
    show_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Fetch the report of a run: one self-contained page; prints where it lies.

    Example: [bold]python -m app report latest --open[/]
    """
    where = pipeline(context)
    run_id = client.resolve(where, run)
    page = client.read_object(where, keys.run_report(run_id))
    if page is None:  # while the run goes on, its page lies where the evaluation has written it
        page = client.read_object(where, keys.run(run_id, "evaluation", "report.html"))
    if page is None:
        raise PipelineError(f"run {run_id} has no report: it comes with the evaluation: python -m app show {run_id}")
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{run_id}.html"
    path.write_bytes(page)
    typer.echo(path)
    if show_it:
        webbrowser.open(path.resolve().as_uri())


def findings(context: typer.Context, run: Run = client.LATEST, json: Json = False) -> None:
    """List what was wrong with the uploads of a run, what went to quarantine, and how to mend it.

    Example: [bold]python -m app findings latest[/]
    """
    where = pipeline(context)
    run_id = client.resolve(where, run)
    found = client.findings(where, run_id)
    if json:
        emit_json(found)
    elif found:
        out.print(rendering.findings_table(found))
        say(rendering.findings_line(found))
        say(f"With pictures: {keys.uri(where.bucket, keys.run(run_id, 'prepare', 'findings.html'))}")
        if any(f.severity == "error" for f in found):
            say(f"Quarantined files: {keys.uri(where.bucket, keys.quarantine(run_id))}")
    else:
        say(f"Nothing was wrong with the uploads of run {run_id}.")


def interrupt(context: typer.Context, run: Run = client.LATEST) -> None:
    """Take the spot instance away from the training of a run, to see it resume (embedded AWS only).

    Example: [bold]python -m app interrupt latest[/]
    """
    from app.cloud import interrupt_training

    where = pipeline(context)
    if not where.embedded:
        raise PipelineError("only the embedded AWS takes spot instances away on request: leave out --aws")
    job = interrupt_training(where, client.resolve(where, run))
    say(f"Interrupted {job}; it resumes from its checkpoint: [bold]python -m app watch[/]")


def _record(where: Pipeline, run: str) -> RunRecord:
    run_id = client.resolve(where, run)
    record = client.record(where, run_id)
    if record is None:
        raise PipelineError(f"run {run_id} has no record yet: python -m app watch {run_id}")
    return record
