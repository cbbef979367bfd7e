"""prelabel: let the model draw the labels of photographs, for a person to correct."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.console import complain, emit_json, err, say
from app.cli.target import pipeline
from app.client import predictions, versions
from app.client.pipeline import Pipeline, PipelineError
from app.client.programs import run_module
from app.contracts import documents
from app.contracts.prediction import Answered
from app.contracts.uploads import IMAGE_SUFFIXES, PRELABEL_TAG

MODULE = "maskrcnn.data.prelabels"
FAILED = 1


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("prelabel", rich_help_panel="Data")(prelabel)


def prelabel(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of photographs without labels.")],
    target: Annotated[Path, typer.Argument(help="Folder to make: a Supervisely project.")],
    min_score: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Least score (0 to 1) of what is drawn; the deployment's unless given. "
                                            "To delete is quicker than to draw: low is good.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Ask the endpoint about unlabelled photographs and write its answers as labels to correct.

    Import the project into Supervisely, correct it, take the image tag [bold]prelabel[/] away from each image that you
    looked at, and upload it: what still has the tag is set aside, never trained on.

    Exit status 1: at least one photograph was not answered; the others are written.

    Example: [bold]python -m app prelabel new-photographs/ to-correct/ --min-score 0.3[/]
    """
    photographs = find(folder)
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise PipelineError(f"{target}: holds something already: name a new folder")
    where = pipeline(context)
    with tempfile.TemporaryDirectory(prefix="castline-prelabel-") as work:
        answers = Path(work, "answers.jsonl")
        counts, unanswered = ask(where, folder, photographs, min_score, answers)
        if not counts["images"]:
            raise PipelineError(f"{folder}: no photograph was answered: nothing is written")
        classes = [f"--class={name}" for name in class_names(where)]
        run_module(MODULE, [str(answers), str(target), *classes])
    if json:
        emit_json({"target": str(target), **counts, "unanswered": unanswered})
    else:
        say(f"{counts['images']} photographs with {counts['objects']} drawn objects, {counts['empty']} without a "
            f"finding: [bold]{target}[/]")
        say(f"Correct them in Supervisely, take the image tag [bold]{PRELABEL_TAG}[/] away where you looked, and "
            "[bold]python -m app upload[/] the project: what keeps the tag is set aside.")
    if unanswered:
        raise typer.Exit(FAILED)


def find(folder: Path) -> list[Path]:
    """All photographs below a folder, by path.

    Raises:
        PipelineError: there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise PipelineError(f"{folder}: no such folder: name one with photographs")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()
                   and not any(part.startswith(".") for part in p.relative_to(folder).parts))
    if not found:
        raise PipelineError(f"{folder}: no photograph in it: name a folder with JPEG, PNG, BMP, TIFF or WebP files")
    return found


def ask(
    where: Pipeline, folder: Path, photographs: list[Path], min_score: float | None, answers: Path
) -> tuple[Counter[str], int]:
    """Write one answer a line; one photograph that cannot be answered does not keep the others from it.

    Returns:
        Counts of images, objects and empty images, and how many were not answered.
    """
    counts: Counter[str] = Counter(images=0, objects=0, empty=0)
    unanswered = 0
    columns = (TextColumn("Asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with answers.open("w") as lines, Progress(*columns, console=err, transient=True,
                                              disable=not err.is_terminal) as progress:
        for photograph in progress.track(photographs):
            try:
                prediction = predictions.predict(where, photograph, min_score).prediction
            except PipelineError as error:
                complain(str(error))
                unanswered += 1
                continue
            name = photograph.relative_to(folder).as_posix()
            lines.write(documents.to_json(Answered(str(photograph.resolve()), name, prediction)) + "\n")
            defects = sum(instance.role == "defect" for instance in prediction.instances)
            counts.update(images=1, objects=len(prediction.instances), empty=not defects)
    return counts, unanswered


def class_names(where: Pipeline) -> list[str]:
    """The classes of the newest committed version, by id; none before the first."""
    head = versions.head(where)
    found = versions.find(where, head.version) if head else None
    return [c.name for c in sorted(found.classes, key=lambda c: c.id)] if found else []
