"""One pass over a data set: labels of every image, pixels of every image or of a sample."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from app.contracts.dataset import Member
from app.contracts.portrait import AnchorAdvice, ImageSize, InputAdvice, Portrait
from maskrcnn.data.portrait import advice, anchors
from maskrcnn.data.portrait.boxes import Boxes
from maskrcnn.data.portrait.heat import HeatMaps
from maskrcnn.data.portrait.labels import LabelTally
from maskrcnn.data.portrait.pixels import PixelTally, decode
from maskrcnn.data.portrait.sources import Source
from maskrcnn.model.config import ModelConfig

PIXEL_IMAGES = 4000
"""Images that are decoded, drawn by hash: enough for histograms to a percentage point or two."""
_SIZES, _TAGS = 8, 12


@dataclasses.dataclass(frozen=True)
class Collected:
    """The numbers, and what the page needs besides.

    Attributes:
        portrait: The numbers.
        labels: Has the examples.
        heat: Where objects lie.
        pixels: Has the mean picture.
        outliers: The images of portrait.pixels.outliers.
    """

    portrait: Portrait
    labels: LabelTally
    heat: HeatMaps
    pixels: PixelTally
    outliers: list[Member]


def collect(source: Source, preset: str, model: ModelConfig, pixel_images: int = PIXEL_IMAGES) -> Collected:
    """Read a version once; memory does not grow with the number of images.

    Args:
        source: The version.
        preset: Name of the settings that the anchors are compared with.
        model: These settings.
        pixel_images: About how many images are decoded at most.
    """
    began = time.monotonic()
    labels, heat, pixels = LabelTally(source.manifest.classes), HeatMaps(source.manifest.classes), PixelTally()
    limit = pixel_images / max(source.total, 1) * 16**8

    def is_drawn(member: Member) -> bool:
        return int(member.image_sha256[:8], 16) < limit

    for member, record, body in source.stream(is_drawn):
        labels.add(member, record)
        heat.add(record)
        if body is not None:
            pixels.add(member, decode(body))
    return _summed_up(source, preset, model, labels, heat, pixels, began)


def _summed_up(
    source: Source, preset: str, model: ModelConfig, labels: LabelTally, heat: HeatMaps, pixels: PixelTally,
    began: float,
) -> Collected:
    manifest = source.manifest
    classes = tuple(tally.result() for tally in labels.classes.values())
    images, background = dict(labels.images), dict(labels.without_defect)
    measured, outliers = pixels.result()
    boxes, size = _boxes(labels, preset, model)
    sizes = [(size, count) for size, count in labels.sizes.most_common(_SIZES) if size != (0, 0)]
    portrait = Portrait(
        source.title, manifest.version, manifest.parent or "", images, background,
        tuple(ImageSize(width, height, count) for (width, height), count in sizes),
        sum(images.values()) - sum(count for _, count in sizes), classes, labels.together, labels.objects.result(),
        dict(labels.tags.most_common(_TAGS)), measured, boxes, size,
        advice.advise(images, background, classes, labels.together, measured, boxes, size),
        round(time.monotonic() - began, 2),
    )
    return Collected(portrait, labels, heat, pixels, outliers)


def _boxes(labels: LabelTally, preset: str, model: ModelConfig) -> tuple[AnchorAdvice | None, InputAdvice | None]:
    """Advice about anchors and about the size of the input."""
    if not labels.boxes.items():
        return None, None
    by_class = {name: Boxes.of(tally.boxes.items(), model.input) for name, tally in labels.classes.items()}
    every = Boxes.of(labels.boxes.items(), model.input)
    defects = {name: b for name, b in by_class.items() if labels.classes[name].definition.role == "defect"}
    photographs = np.asarray([row[4:] for row in labels.boxes.items()], np.float64)
    size = anchors.advise_input(model.input, anchors.finest_stride(model), defects, photographs)
    return anchors.advise(preset, model, by_class, every), size
