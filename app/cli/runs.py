"""run, runs, show, report, findings, interrupt: runs after the fact, and orders to the gate."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from app.cli import rendering
from app.cli.console import emit_json, out
from app.cli.target import pipeline
from app.client import runs as client
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import keys
from app.contracts.runs import RunRecord

Run = Annotated[str, typer.Argument(help="Run id, a part of it, or `latest`.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("run")(force)
    app.command("runs")(list_runs)
    app.command("show")(show)
    app.command("report")(report)
    app.command("findings")(findings)
    app.command("interrupt")(interrupt)


def force(
    context: typer.Context,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Hyperparameter for this run only: --set epochs=1")
    ] = None,
    json: Json = False,
) -> None:
    """Start a run now, whatever the gate's waiting rules say.

    Example: python -m app run --set epochs=2
    """
    hyperparameters = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise PipelineError(f"--set {setting}: write NAME=VALUE, for example --set epochs=2")
        hyperparameters[key] = value
    decision = client.force(pipeline(context), hyperparameters)
    if json:
        emit_json(decision)
        return
    started = decision.get("run_id")
    out.print(f"Run [bold]{started}[/] started: python -m app watch" if started else
              f"No run started: {decision.get('reason', decision)}")


def list_runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 15,
    json: Json = False,
) -> None:
    """List runs with their outcome and quality; * marks the model that serves."""
    where = pipeline(context)
    records = [r for r in (client.record(where, run_id) for run_id in client.run_ids(where, limit)) if r]
    if json:
        emit_json([_plain(r) for r in records])
        return
    if not records:
        out.print("No run yet: python -m app upload FOLDER")
        return
    out.print(rendering.runs_table(records, client.champion(where)))


def show(context: typer.Context, run: Run = client.LATEST, json: Json = False) -> None:
    """Show everything that the record of a run says."""
    where = pipeline(context)
    record = _record(where, run)
    if json:
        emit_json(record)
    else:
        out.print(rendering.run_summary(record))


def report(
    context: typer.Context,
    run: Run = client.LATEST,
    to: Annotated[Path, typer.Option(help="Folder to write the page into.")] = Path("build/reports"),
    show_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Fetch the report of a run: one self-contained page."""
    where = pipeline(context)
    run_id = client.resolve(where, run)
    page = client.read_object(where, keys.run_report(run_id))
    if page is None:
        raise PipelineError(f"run {run_id} has no report: it comes with the evaluation: python -m app show {run_id}")
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{run_id}.html"
    path.write_bytes(page)
    out.print(str(path))
    if show_it:
        webbrowser.open(path.resolve().as_uri())


def findings(context: typer.Context, run: Run = client.LATEST, json: Json = False) -> None:
    """List what was wrong with the uploads of a run, and how to mend it."""
    where = pipeline(context)
    found = client.findings(where, client.resolve(where, run))
    if json:
        emit_json([f.__dict__ for f in found])
    elif found:
        out.print(rendering.findings_table(found))
    else:
        out.print("Nothing was wrong with the uploads of this run.")


def interrupt(context: typer.Context, run: Run = client.LATEST) -> None:
    """Take the spot instance away from the training of a run (embedded AWS only)."""
    from app.cloud import interrupt_training

    where = pipeline(context)
    if not where.embedded:
        raise PipelineError("only the embedded AWS takes spot instances away on request: leave out --aws")
    out.print(f"Interrupted {interrupt_training(where, client.resolve(where, run))}: watch it resume.")


def _record(where: Pipeline, run: str) -> RunRecord:
    run_id = client.resolve(where, run)
    record = client.record(where, run_id)
    if record is None:
        raise PipelineError(f"run {run_id} has no record yet: python -m app watch {run_id}")
    return record


def _plain(record: RunRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in (
        "run_id", "status", "outcome", "started_at", "ended_at", "uploads", "accepted", "quarantined", "version",
        "mask_ap", "box_ap", "verdict_accuracy", "champion_ap", "error", "cause")}
