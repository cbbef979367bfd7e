"""generate: castings for everybody who has none at hand."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from app.cli.console import err, say
from app.client.pipeline import PipelineError


class Format(enum.StrEnum):
    """Label formats that can be written."""

    SUPERVISELY = "supervisely"
    COCO = "coco"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("generate", rich_help_panel="Data")(generate)


def generate(
    destination: Annotated[Path, typer.Argument(help="Folder to make; must not hold anything yet.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many castings.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same castings.")] = 7,
    size: Annotated[int, typer.Option(min=128, max=4096, help="Width and height in pixels.")] = 512,
    label_format: Annotated[Format, typer.Option("--format", help="Format of the labels.")] = Format.SUPERVISELY,
) -> None:
    """Draw labelled castings: impeller discs with chipping, holes and burrs, and exact masks of each.

    Example: [bold]python -m app generate castings --count 60[/]
    """
    if destination.is_file() or (destination.exists() and any(destination.iterdir())):
        raise PipelineError(f"{destination}: holds something already: name a new folder")
    if label_format is Format.COCO:
        from app.generator.coco import generate as draw
    else:
        from app.generator.project import generate as draw
    drawn = draw(destination, count=count, seed=seed, size=size)
    for _ in track(drawn, "Drawing", total=count, transient=True, console=err):
        pass
    say(f"Drew {count} castings into {destination}. Next: [bold]python -m app upload {destination}[/]")
