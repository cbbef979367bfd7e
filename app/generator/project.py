"""Write generated castings as a Supervisely project, the format that a labelling team would deliver."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.generator.casting import CLASS_NAMES, Casting
from app.generator.defects import Mask
from app.generator.photographs import draw

COLORS = {"disk": "#3C5AFF", "chipping": "#FF0000", "holes": "#FFC800", "burrs": "#00DC00"}


def generate(destination: Path, *, count: int, seed: int, size: int = 512, dataset: str = "castings") -> Iterator[Path]:
    """Write `count` castings below `destination`, one after the other, and yield each image's path.

    Args:
        destination: Folder of the project; made when absent.
        count: How many castings.
        seed: Seed of the set; the same gives the same bytes.
        size: Width and height in pixels.
        dataset: Name of the data set inside the project.
    """
    labels = destination / dataset / "ann"
    labels.mkdir(parents=True, exist_ok=True)
    (destination / "meta.json").write_text(json.dumps(_meta(), indent=2))
    for path, casting in draw(destination / dataset / "img", count=count, seed=seed, size=size):
        (labels / f"{path.name}.json").write_text(json.dumps(annotation(casting)))
        yield path


def annotation(casting: Casting) -> dict[str, Any]:
    """The Supervisely annotation of one casting."""
    height, width = casting.image.shape[:2]
    return {
        "description": "",
        "tags": [{"name": "good" if casting.is_good else "bad", "value": None}],
        "size": {"height": height, "width": width},
        "objects": [_bitmap_object(name, mask) for name, mask in casting.instances],
    }


def _bitmap_object(name: str, mask: Mask) -> dict[str, Any]:
    """A mask as base64(zlib(1-bit PNG)) of its crop, with the crop's origin."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    palette = Image.fromarray(crop.astype(np.uint8))
    palette.putpalette([0, 0, 0, 255, 255, 255])
    buffer = io.BytesIO()
    palette.save(buffer, format="PNG", transparency=0, bits=1)
    data = base64.b64encode(zlib.compress(buffer.getvalue())).decode()
    return {"geometryType": "bitmap", "classTitle": name, "description": "", "tags": [],
            "bitmap": {"data": data, "origin": [int(columns[0]), int(rows[0])]}}


def _meta() -> dict[str, Any]:
    return {
        "classes": [{"title": name, "shape": "bitmap", "color": COLORS[name]} for name in CLASS_NAMES],
        "tags": [{"name": name, "value_type": "none", "color": color}
                 for name, color in (("good", "#50E3C2"), ("bad", "#D0021B"))],
        "projectType": "images",
    }
