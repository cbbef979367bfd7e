"""predict: ask the endpoint about photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import rendering
from app.cli.console import emit_json, out
from app.cli.target import pipeline
from app.client import predictions


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("predict")(predict)


def predict(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Photographs: JPEG, PNG, BMP or TIFF.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the overlay pictures.")] = Path("build/predictions"),
    min_score: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Show instances from this score on (0 to 1).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For scripts: answers only, no pictures.")] = False,
) -> None:
    """Find defects in photographs: instances, verdict, and an overlay picture each.

    Example: python -m app predict casting_1.jpeg casting_2.jpeg
    """
    where = pipeline(context)
    if json:
        emit_json([{"file": str(i), **predictions.predict(where, i, min_score).prediction.__dict__} for i in images])
        return
    to.mkdir(parents=True, exist_ok=True)
    for image in images:
        answer = predictions.predict(where, image, min_score)
        picture = to / f"{image.stem}.png"
        picture.write_bytes(predictions.overlay(where, image, min_score))
        out.print(rendering.verdict_line(image.name, answer.prediction))
        if answer.prediction.instances:
            out.print(rendering.prediction_table(answer.prediction))
        out.print(f"[dim]{picture}[/]\n")
