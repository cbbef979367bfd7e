"""PNG masks: images/<split>/x.jpg and instance_masks/<split>/layer-1/<class>/x.png, every value one object.

A pixel of a picture has one value, so objects that overlap go to different layers and stay whole. An image without
objects has an empty mask directly below its split. Boxes without a mask cannot be drawn: their number is logged.
"""

from __future__ import annotations

import io
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.contracts.dataset import ClassDefinition, Split
from app.contracts.uploads import NOTE_NAME
from maskrcnn.data.exporters.items import Item, decode, put
from maskrcnn.data.importers.masks import class_folder
from maskrcnn.program import JobError

log = logging.getLogger("castline")
_Layer = NDArray[np.uint16]


class MasksExporter:
    """16-bit PNGs; a value is the object's place in its label, from 1."""

    name = "masks"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter."""
        _check_names(classes)
        boxes = crowds = 0
        for split, members in items.items():
            for item in members:
                put(target / "images" / split / item.name, item.body)
                folder = target / "instance_masks" / split
                layers = _layers(item)
                if not layers:
                    _save(folder / f"{item.stem}.png", np.zeros((item.record.height, item.record.width), np.uint16))
                for (number, class_name), layer in layers.items():
                    _save(folder / f"layer-{number}" / class_name / f"{item.stem}.png", layer)
                boxes += sum(instance.mask is None for instance in item.record.instances)
                crowds += sum(instance.is_crowd for instance in item.record.instances)
        put(target / NOTE_NAME, json.dumps({"format": "instance-masks"}).encode())
        if boxes or crowds:
            said = "left out, as PNG masks cannot say it: %d boxes without a mask, %d marks of crowds"
            log.warning(said, boxes, crowds)


def _check_names(classes: Sequence[ClassDefinition]) -> None:
    for definition in classes:
        if class_folder(f"instance_masks/train/layer-1/{definition.name}/x.png") != definition.name:
            raise JobError(
                "CONFIG_INVALID",
                f"class {definition.name!r} cannot be the name of a folder of masks: rename it, or export as coco",
            )


def _layers(item: Item) -> dict[tuple[int, str], _Layer]:
    """(layer, class) -> values; an object goes to the first layer of its class where its pixels are free."""
    layers: dict[str, list[_Layer]] = defaultdict(list)
    for number, instance in enumerate(item.record.instances, 1):
        if instance.mask is None:
            continue
        mask = decode(instance.mask)
        ours = layers[instance.class_name]
        free = next((layer for layer in ours if not layer[mask].any()), None)
        if free is None:
            free = np.zeros(mask.shape, np.uint16)
            ours.append(free)
        free[mask] = number
    return {(number, name): layer for name, ours in layers.items() for number, layer in enumerate(ours, 1)}


def _save(path: Path, values: _Layer) -> None:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    put(path, stream.getvalue())
