"""Run the demo, print its summary, and exit non-zero when a link of the chain failed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import out
from app.client.pipeline import PipelineError
from app.contracts import documents
from app.demo import summary as summaries

FOLDER = Path("build/demo")


def main(
    data: Annotated[Path | None, typer.Option(help="A labelled data set; generated castings unless given.")] = None,
) -> None:
    """From nothing to masks: deploy, upload, train, evaluate, publish, predict, on the embedded AWS."""
    from app.demo.chain import Chain

    if data is not None and not data.is_dir():
        raise PipelineError(f"{data}: no such folder: make demo DATA=<folder with images and labels>")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shown = Chain(data=data, folder=FOLDER, console=out).run()
    (FOLDER / "summary.json").write_text(documents.to_json(shown, indent=2))
    out.print()
    out.print(summaries.links_table(shown))
    if shown.states:
        out.print(summaries.states_table(shown))
    out.print(f"Everything as JSON: {FOLDER / 'summary.json'}")
    if not shown.ok:
        out.print("[bold red]The demo failed.[/]")
        raise typer.Exit(1)
    out.print(f"Report: {shown.report}   Pictures: {shown.pictures}")
    out.print("The embedded AWS stays up: try [bold].venv/bin/python -m app predict IMAGE[/], "
              "and [bold].venv/bin/python -m app down[/] when done.")


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        sys.exit(f"Error: {error}")
