"""Run the demo, print its summary, and exit non-zero when a link of the chain failed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import out
from app.client.pipeline import PipelineError
from app.contracts import documents
from app.demo import summary as summaries
from app.embedded.settings import ROOT, STATE_VARIABLE

FOLDER, STRICT_FOLDER = Path("build/demo"), Path("build/demo-strict")
STRICT_STATE = ROOT / ".castline-strict"
STRICT_PORT = 4567
"""The strict demo has an embedded AWS of its own, beside that of the demo."""


def main(
    data: Annotated[Path | None, typer.Option(help="A labelled data set; generated castings unless given.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="TLS, signed requests, and policies that decide.")] = False,
) -> None:
    """From nothing to masks: deploy, upload, train, evaluate, publish, predict, on the embedded AWS."""
    from app.demo.chain import Chain

    if data is not None and not data.is_dir():
        raise PipelineError(f"{data}: no such folder: make demo DATA=<folder with images and labels>")
    folder = STRICT_FOLDER if strict else FOLDER
    if strict:
        os.environ.setdefault(STATE_VARIABLE, str(STRICT_STATE))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shown = Chain(data=data, folder=folder, console=out, port=STRICT_PORT if strict else None, strict=strict).run()
    (folder / "summary.json").write_text(documents.to_json(shown, indent=2))
    out.print()
    out.print(summaries.links_table(shown))
    if shown.states:
        out.print(summaries.states_table(shown))
    out.print(f"Everything as JSON: {folder / 'summary.json'}")
    if not shown.ok:
        out.print("[bold red]The demo failed.[/]")
        raise typer.Exit(1)
    out.print(f"Report: {shown.report}   Pictures: {shown.pictures}")
    command = f"{STATE_VARIABLE}={os.environ[STATE_VARIABLE]} " if strict else ""
    out.print(f"The embedded AWS stays up: try [bold]{command}.venv/bin/python -m app predict IMAGE[/], "
              f"and [bold]{command}.venv/bin/python -m app down[/] when done.")


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        sys.exit(f"Error: {error}")
