"""predict: ask the endpoint about photographs."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from app.cli import rendering
from app.cli.console import complain, emit_json, out, say
from app.cli.target import pipeline
from app.client import predictions
from app.client.pipeline import Pipeline, PipelineError

FAILED, NOT_GOOD = 1, 3
"""Exit statuses; 2 is a wrong command line."""


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("predict", rich_help_panel="Use")(predict)


def predict(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Photographs: JPEG, PNG, BMP, TIFF or WebP.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the overlay pictures.")] = Path("build/predictions"),
    min_score: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Least score (0 to 1) to be shown and judged; the deployment's unless "
                                            "given.", show_default=False),
    ] = None,
    fail_on_ng: Annotated[bool, typer.Option("--fail-on-ng", help="Exit status 3 when a casting is NG.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For scripts: answers with masks, no pictures.")] = False,
) -> None:
    """Find defects in photographs: instances, verdict OK or NG, and an overlay picture of each.

    Exit status 0: every photograph was answered; 1: at least one was not; 3: --fail-on-ng, and one is NG.

    Examples: [bold]python -m app predict casting_1.jpeg casting_2.jpeg[/],
    [bold]python -m app predict new/*.jpeg --json --fail-on-ng[/]
    """
    where = pipeline(context)
    answers, unanswered = _ask(where, images, min_score, None if json else overlay_paths(images, to))
    if json:
        emit_json([{"file": str(answer.file), "prediction": answer.prediction} for answer in answers])
    if unanswered:
        raise typer.Exit(FAILED)
    if fail_on_ng and any(answer.prediction.verdict.label == "NG" for answer in answers):
        raise typer.Exit(NOT_GOOD)


def _ask(
    where: Pipeline, images: list[Path], min_score: float | None, pictures: dict[Path, Path] | None
) -> tuple[list[predictions.Answer], int]:
    """Ask about each image; one that cannot be answered does not keep the others from it."""
    answers, unanswered = [], 0
    for image in images:
        try:
            _check_kind(image)
            answer = predictions.predict(where, image, min_score)
            picture = None if pictures is None else predictions.overlay(where, image, min_score)
        except PipelineError as error:
            complain(str(error))
            unanswered += 1
            continue
        answers.append(answer)
        if pictures is not None and picture is not None:
            pictures[image].parent.mkdir(parents=True, exist_ok=True)
            pictures[image].write_bytes(picture)
            _tell(answer, pictures[image])
    return answers, unanswered


def _check_kind(image: Path) -> None:
    """Spare the endpoint what is no photograph by its very name; the content is the endpoint's to judge."""
    kind = mimetypes.guess_type(image.name)[0]
    if image.is_dir() or (kind is not None and not kind.startswith("image/")):
        raise PipelineError(f"{image}: no photograph: name a JPEG, PNG, BMP, TIFF or WebP file")


def _tell(answer: predictions.Answer, picture: Path) -> None:
    out.print(rendering.verdict_line(answer.file.name, answer.prediction))
    if answer.prediction.instances:
        out.print(rendering.prediction_table(answer.prediction))
    say(f"[dim]{picture}[/]\n")


def overlay_paths(images: Iterable[Path], folder: Path) -> dict[Path, Path]:
    """Where each overlay goes: `casting.jpeg` to `casting.png`, a second one to `casting-2.png`."""
    paths: dict[Path, Path] = {}
    taken: dict[str, int] = {}
    for image in dict.fromkeys(images):
        taken[image.stem] = taken.get(image.stem, 0) + 1
        number = f"-{taken[image.stem]}" if taken[image.stem] > 1 else ""
        paths[image] = folder / f"{image.stem}{number}.png"
    return paths

