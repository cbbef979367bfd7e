"""generate: castings for everybody who has none at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from app.cli.console import out
from app.client.pipeline import PipelineError


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("generate")(generate)


def generate(
    destination: Annotated[Path, typer.Argument(help="Folder to make; must not hold anything yet.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many castings.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same castings.")] = 7,
    size: Annotated[int, typer.Option(min=128, max=4096, help="Width and height in pixels.")] = 512,
) -> None:
    """Draw labelled castings: impeller discs with chipping, holes and burrs, as a Supervisely project.

    Example: python -m app generate castings --count 60
    """
    from app.generator.project import generate as draw

    if destination.exists() and any(destination.iterdir()):
        raise PipelineError(f"{destination}: holds files already: name a new folder")
    for _ in track(draw(destination, count=count, seed=seed, size=size), "Drawing", total=count, transient=True):
        pass
    out.print(f"Drew {count} castings into {destination}. Next: [bold]python -m app upload {destination}[/]")
