"""Predictions as pre-labels: `python -m maskrcnn.data.prelabels ANSWERS TARGET`.

ANSWERS has one contracts.prediction.Answered a line; TARGET becomes a Supervisely project that a labeller imports,
corrects and uploads again. Every image carries the tag `prelabel`: prepare refuses it until somebody takes that away.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pycocotools import mask as coco_mask

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord, Member
from app.contracts.prediction import Answered, Instance, Prediction
from app.contracts.uploads import NOTHING_FOUND_TAG, PRELABEL_TAG
from maskrcnn import rle
from maskrcnn.data.exporters.items import Item, names_of
from maskrcnn.data.exporters.supervisely import write_project
from maskrcnn.data.whole_folder import whole_folder
from maskrcnn.program import by_hand

log = logging.getLogger("castline")
DATA_SET = "prelabels"
"""Name of the project's one data set; it says nothing about the split, so that prepare draws it."""


def write(answers: Path, target: Path, class_names: list[str]) -> int:
    """Write the project; images are in memory one at a time.

    Args:
        answers: One Answered a line.
        target: A new or empty folder; stays as it is when something goes wrong.
        class_names: Classes that a labeller may choose, by id; those in the answers are added.

    Returns:
        How many images were written; copies of one photograph count once.

    Raises:
        JobError: CONFIG_INVALID: the target holds something.
    """
    found = {i.class_name for answered in _read(answers) for i in answered.prediction.instances}
    names = names_of(_member(answered) for answered in _read(answers))
    ordered = [*class_names, *sorted(found - set(class_names))]
    classes = [ClassDefinition(number, name, "defect") for number, name in enumerate(ordered, 1)]
    with whole_folder(target) as folder:
        write_project(folder, classes, {DATA_SET: _items(answers, names)})
    return len(names)


def labelled(member: Member, prediction: Prediction) -> tuple[LabelRecord, tuple[float, ...]]:
    """The label that an answer stands for, with the score of each object: parts first, small things on top."""
    drawn = (instance for instance in prediction.instances if rle.area_px(instance.mask))
    kept = sorted(drawn, key=lambda i: (i.role != "part", -i.area_px))
    tags = [f"{PRELABEL_TAG}={prediction.model_version}" if prediction.model_version else PRELABEL_TAG]
    if not any(instance.role == "defect" for instance in kept):
        tags.append(NOTHING_FOUND_TAG)
    record = LabelRecord(
        member.image_sha256, member.image_extension, member.file_name, prediction.width, prediction.height,
        tuple(_instance(i, is_box=prediction.masks_are_boxes) for i in kept), tuple(tags))
    return record, tuple(instance.score for instance in kept)


def _instance(instance: Instance, *, is_box: bool) -> LabelInstance:
    x, y, width, height = (float(v) for v in coco_mask.toBbox(rle.as_coco(instance.mask)))
    mask = None if is_box else instance.mask
    return LabelInstance(instance.class_name, (x, y, width, height), mask, rle.area_px(instance.mask))


def _read(answers: Path) -> Iterator[Answered]:
    with answers.open("rb") as lines:
        for line in lines:
            yield documents.from_json(Answered, line)


def _items(answers: Path, names: Mapping[str, str]) -> Iterator[Item]:
    """Each photograph once, under its name."""
    left = dict(names)
    for answered in _read(answers):
        member = _member(answered)
        if name := left.pop(member.image_sha256, ""):
            record, scores = labelled(member, answered.prediction)
            yield Item(member, name, record, Path(answered.file).read_bytes(), scores)


def _member(answered: Answered) -> Member:
    sha256 = hashlib.sha256(Path(answered.file).read_bytes()).hexdigest()
    extension = PurePosixPath(answered.name).suffix.removeprefix(".").lower()
    prediction = answered.prediction
    return Member(sha256, extension, "", answered.name, sha256, "train", prediction.width, prediction.height,
                  len(prediction.instances))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m maskrcnn.data.prelabels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("answers", type=Path, help="one answer a line")
    parser.add_argument("target", type=Path, help="folder to make")
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="NAME",
                        help="a class that a labeller may choose; may be repeated")
    options = parser.parse_args(arguments)

    def work() -> None:
        count = write(options.answers, options.target, options.classes)
        log.info("%d images as pre-labels in %s", count, options.target)

    return by_hand(work)


if __name__ == "__main__":
    sys.exit(main())
