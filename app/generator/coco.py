"""Write generated castings as COCO instance annotations, for tools that read those."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.generator.casting import CLASS_NAMES
from app.generator.defects import Mask
from app.generator.photographs import draw

CATEGORIES = {name: number for number, name in enumerate(CLASS_NAMES, 1)}


def generate(destination: Path, *, count: int, seed: int, size: int = 512) -> Iterator[Path]:
    """Write `count` castings to `destination`/images, yield each image's path, and end with annotations.json.

    Args:
        destination: Folder of the data set; made when absent.
        count: How many castings.
        seed: Seed of the set; the same gives the same bytes.
        size: Width and height in pixels.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for path, casting in draw(destination / "images", count=count, seed=seed, size=size):
        images.append({"id": len(images) + 1, "file_name": path.name, "width": size, "height": size})
        for name, mask in casting.instances:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": len(images), "category_id": CATEGORIES[name], **outline(mask)})
        yield path
    document = {
        "info": {"description": "Generated castings"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in CATEGORIES.items()],
    }
    (destination / "annotations.json").write_text(json.dumps(document))


def outline(mask: Mask) -> dict[str, Any]:
    """The members of an annotation that say where it is; the exact mask as uncompressed run lengths.

    Run lengths go down the columns and begin with the zeros (cocodataset.org/#format-data).
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate(([0], changes, [flat.size]))).tolist()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "segmentation": {"size": list(mask.shape), "counts": [0, *runs] if flat[0] else runs},
        "area": int(mask.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "iscrowd": 0,
    }
