"""A Supervisely project: a data set for each split, masks as bitmaps, boxes as rectangles, image tags kept.

Supervisely has no crowds: such an object carries the tag `crowd`, which the importer understands.
"""

from __future__ import annotations

import base64
import colorsys
import io
import itertools
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.contracts.dataset import ClassDefinition, LabelInstance, Split
from maskrcnn.data.exporters.items import Item, decode, put
from maskrcnn.data.importers.supervisely import CROWD_TAG
from maskrcnn.data.shapes import Mask

SCORE_TAG = "score"
"""On an object: how sure the model was that drew it, 0 to 1."""
_GOLDEN_RATIO = 0.618034  # neighbours on the colour wheel get far apart


class SuperviselyExporter:
    """One data set a split, so that uploading the project again keeps the split."""

    name = "supervisely"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter."""
        write_project(target, classes, items)


def write_project(
    target: Path,
    classes: Sequence[ClassDefinition],
    data_sets: Mapping[Split, Iterable[Item]] | Mapping[str, Iterable[Item]],
) -> None:
    """Write a project; images are in memory one at a time.

    Args:
        target: The project's folder.
        classes: Its classes.
        data_sets: Name of a data set -> its images.
    """
    tags: dict[str, str] = {}
    for name, items in data_sets.items():
        for item in items:
            put(target / name / "img" / item.name, item.body)
            put(target / name / "ann" / f"{item.name}.json", json.dumps(_annotation(item)).encode())
            for tag in item.record.tags:
                key, has_value, _ = tag.partition("=")
                tags[key] = "any_string" if has_value else tags.get(key, "none")
            if any(instance.is_crowd for instance in item.record.instances):
                tags.setdefault(CROWD_TAG, "none")
            if item.scores:
                tags[SCORE_TAG] = "any_number"
    put(target / "meta.json", json.dumps(_meta(classes, tags), indent=2).encode())


def _meta(classes: Sequence[ClassDefinition], tags: Mapping[str, str]) -> dict[str, Any]:
    return {
        "classes": [{"title": c.name, "shape": "any", "color": _colour(c.id)} for c in classes],
        "tags": [
            {"name": name, "value_type": kind, "color": _colour(number)}
            for number, (name, kind) in enumerate(sorted(tags.items()), 1)
        ],
        "projectType": "images",
    }


def _colour(number: int) -> str:
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN_RATIO % 1, 0.85, 0.95)
    return f"#{round(red * 255):02X}{round(green * 255):02X}{round(blue * 255):02X}"


def _annotation(item: Item) -> dict[str, Any]:
    return {
        "description": "",
        "tags": [_tag(tag) for tag in item.record.tags],
        "size": {"height": item.record.height, "width": item.record.width},
        "objects": [
            _object(instance, score)
            for instance, score in itertools.zip_longest(item.record.instances, item.scores)
        ],
    }


def _tag(tag: str) -> dict[str, Any]:
    name, has_value, value = tag.partition("=")
    return {"name": name, "value": value if has_value else None}


def _object(instance: LabelInstance, score: float | None) -> dict[str, Any]:
    tags = [_tag(CROWD_TAG)] if instance.is_crowd else []
    if score is not None:
        tags.append({"name": SCORE_TAG, "value": score})
    common = {"classTitle": instance.class_name, "description": "", "tags": tags}
    if instance.mask:
        return {"geometryType": "bitmap", "bitmap": bitmap(decode(instance.mask)), **common}
    x, y, width, height = instance.bbox
    corners = [[x, y], [x + width - 1, y + height - 1]]
    return {"geometryType": "rectangle", "points": {"exterior": corners, "interior": []}, **common}


def bitmap(mask: Mask) -> dict[str, Any]:
    """Supervisely's base64(zlib(PNG)) of a mask's crop, with the crop's place; the mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = Image.fromarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8))
    crop.putpalette([0, 0, 0, 255, 255, 255])
    stream = io.BytesIO()
    crop.save(stream, "PNG", transparency=0, bits=1)
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode("ascii")
    return {"data": data, "origin": [int(columns[0]), int(rows[0])]}
