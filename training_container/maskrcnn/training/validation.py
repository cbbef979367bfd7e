"""COCO box and mask AP on the validation shards, in the training process."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence

from app.contracts.documents import from_plain
from app.contracts.prediction import Instance
from maskrcnn.distribution.team import Team
from maskrcnn.evaluation import coco
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.serving import images as decoder
from maskrcnn.serving.answer import SegmentationModel, all_instances
from maskrcnn.training import metrics_log

Answer = tuple[Instance, ...]

KINDS: tuple[coco.Kind, ...] = ("bbox", "segm")


def evaluate(
    model: SegmentationModel,
    images: Sequence[LabelledImage],
    interrupted: Callable[[], bool] = lambda: False,
    team: Team | None = None,
) -> dict[str, float] | None:
    """The twelve mAP figures, by the code that also evaluates the finished model; None when any host is interrupted.

    Each host of the team answers every n-th image, and all of them score the answers of all.
    A figure is -1 where there is no ground truth of that size.
    """
    team = team or Team()
    answers = _merged(team, _answers(model, images[team.rank :: team.hosts], interrupted), len(images))
    if answers is None:
        return None
    names = [definition.name for definition in model.card.classes]
    figures: dict[str, float] = {}
    for kind in KINDS:
        average = dataclasses.astuple(coco.run(images, answers, names, kind).average)
        figures.update(zip(metrics_log.coco_names(kind), average, strict=True))
    return figures


def _answers(model: SegmentationModel, images: Sequence[LabelledImage],
             interrupted: Callable[[], bool]) -> list[Answer] | None:
    """What the model finds in each image; None when interrupted."""
    found = []
    for image in images:
        if interrupted():
            return None
        pixels = decoder.decode(image.encoded, max_pixels=image.width * image.height)
        found.append(all_instances(model.predict(pixels), model.card))
    return found


def _merged(team: Team, own: list[Answer] | None, count: int) -> list[Answer] | None:
    """The answers to all images in their order, from those of every n-th image that each host has."""
    if team.hosts == 1:
        return own
    plain = None if own is None else [[dataclasses.asdict(instance) for instance in answer] for answer in own]
    parts = [json.loads(part) for part in team.gather(json.dumps(plain).encode())]
    if any(part is None for part in parts):
        return None
    return [tuple(from_plain(Instance, instance) for instance in parts[number % team.hosts][number // team.hosts])
            for number in range(count)]
