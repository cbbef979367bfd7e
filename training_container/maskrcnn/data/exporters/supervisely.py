"""A Supervisely project: a data set for each split, masks as bitmaps, boxes as rectangles, image tags kept.

Supervisely has no crowds: such an object carries the tag `crowd`, which the importer understands.
"""

from __future__ import annotations

import base64
import colorsys
import io
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

_GOLDEN_RATIO = 0.618034  # neighbours on the colour wheel get far apart


class SuperviselyExporter:
    """One data set a split, so that uploading the project again keeps the split."""

    name = "supervisely"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter."""
        tags: dict[str, bool] = {}
        for split, members in items.items():
            for item in members:
                put(target / split / "img" / item.name, item.body)
                annotation = json.dumps(_annotation(item))
                put(target / split / "ann" / f"{item.name}.json", annotation.encode())
                for tag in item.record.tags:
                    name, has_value, _ = tag.partition("=")
                    tags[name] = tags.get(name, False) or bool(has_value)
                if any(instance.is_crowd for instance in item.record.instances):
                    tags.setdefault(CROWD_TAG, False)
        put(target / "meta.json", json.dumps(_meta(classes, tags), indent=2).encode())


def _meta(classes: Sequence[ClassDefinition], tags: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "classes": [{"title": c.name, "shape": "any", "color": _colour(c.id)} for c in classes],
        "tags": [
            {"name": name, "value_type": "any_string" if has_value else "none", "color": _colour(number)}
            for number, (name, has_value) in enumerate(sorted(tags.items()), 1)
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
        "objects": [_object(instance) for instance in item.record.instances],
    }


def _tag(tag: str) -> dict[str, Any]:
    name, has_value, value = tag.partition("=")
    return {"name": name, "value": value if has_value else None}


def _object(instance: LabelInstance) -> dict[str, Any]:
    common = {
        "classTitle": instance.class_name,
        "description": "",
        "tags": [_tag(CROWD_TAG)] if instance.is_crowd else [],
    }
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
