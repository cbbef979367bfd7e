"""Compare choices of training on labelled castings, from scratch, on images that training never saw.

    python -m benchmarks.quality ../shared/data/casting --choice demo --choice "larger: image_size=768" --folds 5

Each choice is the demo preset with hyperparameters laid over it. It is trained once with the data set's own test
images held out, then once a fold over all other images, whose answers are scored together. What is trained stays in
--work, so a table that was interrupted goes on where it stopped. With --pictures every image is drawn as well, its
labels beside the answers: contact sheets, the worst first, and each image by itself.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from maskrcnn.evaluation import model_run, pictures, truth
from maskrcnn.evaluation.model_run import ModelRun
from maskrcnn.evaluation.truth import LabelledImage
from rich.console import Console
from rich.table import Table

from app.contracts.dataset import VersionManifest
from app.contracts.evaluation import ModelScores
from app.contracts.settings import VerdictSettings
from benchmarks.quality import choices, folds
from benchmarks.quality.choices import Choice
from benchmarks.quality.folds import Fold


def main() -> int:
    """Train what is not trained yet, score, print."""
    given = _arguments()
    bucket, manifest = folds.prepared(given.castings, given.work)
    held_out, *crossed = folds.folds(bucket, manifest, given.folds, given.work)
    if given.fold:
        crossed = [crossed[number - 1] for number in sorted(set(given.fold))]
    console = Console()
    table = _table(manifest)
    name = f"{len(crossed)} of {given.folds} folds" if given.fold else f"{given.folds} folds"
    groups = {"held out": [held_out] if not given.only_folds else [], name: crossed}
    for choice in given.choice:
        for name, group in groups.items():
            if group:
                images, run, seconds = _scored(choice, group, manifest, given.seed, given.work)
                table.add_row(choice.name, name, *_cells(run.scores, seconds))
                console.print(table)
                if given.pictures:
                    _draw(given.pictures / choice.name / name, images, run, manifest)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castings", type=Path, help="folder of labelled castings, as it would be uploaded")
    parser.add_argument("--choice", action="append", type=_choice, required=True,
                        help="NAME, or NAME: hyperparameter=value ...; may be given again")
    parser.add_argument("--folds", type=int, default=0, help="folds over the images not held out [none]")
    parser.add_argument("--fold", type=int, action="append", metavar="N",
                        help="only this one, from 1, where time is short; may be given again [all]")
    parser.add_argument("--only-folds", action="store_true", help="leave the held-out images out of it")
    parser.add_argument("--seed", type=int, default=1234, help="of training")
    parser.add_argument("--work", type=Path, default=Path("build/quality"), help="what is kept [build/quality]")
    parser.add_argument("--pictures", type=Path, help="folder for pictures: labels beside answers [none]")
    given = parser.parse_args()
    if not given.castings.is_dir():
        parser.error(f"{given.castings}: no such folder")
    if given.only_folds and not given.folds:
        parser.error("--only-folds: say how many by --folds")
    if not all(1 <= number <= given.folds for number in given.fold or ()):
        parser.error(f"--fold {given.fold}: there are {given.folds} folds, from 1")
    if given.folds == 1 or given.folds < 0:
        parser.error("--folds 1: two or more, or 0 for the held-out images alone")
    return given


def _choice(text: str) -> Choice:
    try:
        return Choice.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _scored(
    choice: Choice, group: Sequence[Fold], manifest: VersionManifest, seed: int, work: Path
) -> tuple[list[LabelledImage], ModelRun, float]:
    """The held-out images of all folds together, what the choice made of them, and the mean seconds of a training."""
    found = [choices.answers(choice, fold, manifest.classes, seed, work) for fold in group]
    images = [image for fold in group for image in truth.read_test_set(fold.test, manifest.classes)]
    instances = [answer for answers in found for answer in answers.instances]
    predictions = [answer for answers in found for answer in answers.predictions]
    run = model_run.score(choice.name, images, instances, predictions, manifest.classes, VerdictSettings())
    return images, run, statistics.mean(answers.seconds for answers in found)


def _draw(folder: Path, images: Sequence[LabelledImage], run: ModelRun, manifest: VersionManifest) -> None:
    pictures.write_sheets(folder, images, run, manifest.classes, VerdictSettings())
    pictures.write(folder / "images", images, run, manifest.classes, VerdictSettings(), pictures.ranked(images, run))


def _table(manifest: VersionManifest) -> Table:
    table = Table(title=f"Castings of version {manifest.version}, trained from scratch")
    for name in ("choice", "scored on"):
        table.add_column(name)
    for name in ("images", "mask AP", "AP50", "small AP", *(f"{c.name} AP50" for c in manifest.classes), "escapes",
                 "overkill", "minutes", "ms"):
        table.add_column(name, justify="right")
    return table


def _cells(scores: ModelScores, seconds: float) -> list[str]:
    verdict = scores.verdict
    return [str(verdict.images), *map(_percent, (scores.mask.ap, scores.mask.ap50, scores.mask.ap_small)),
            *(_percent(found.mask_ap50) for found in scores.classes),
            _percent(verdict.escape_rate), _percent(verdict.overkill_rate), f"{seconds / 60:.1f}",
            f"{scores.milliseconds_per_image:.0f}"]


def _percent(share: float) -> str:
    """-1 is a score over no labels."""
    return "-" if share < 0 else f"{100 * share:.1f}"


if __name__ == "__main__":
    sys.exit(main())
