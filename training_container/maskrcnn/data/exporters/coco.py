"""COCO: images/<split>/ and annotations/instances_<split>.json, masks as compressed run lengths, so exactly."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.contracts.dataset import ClassDefinition, Split
from maskrcnn.data.exporters.items import Item, put


class CocoExporter:
    """An object without a mask has an empty segmentation; category ids are the class ids of the version."""

    name = "coco"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter; the annotations of one split are in memory at a time, its images are not."""
        categories = [{"id": c.id, "name": c.name, "supercategory": c.role} for c in classes]
        ids = {c.name: c.id for c in classes}
        for split, members in items.items():
            images: list[dict[str, Any]] = []
            annotations: list[dict[str, Any]] = []
            numbers = itertools.count(1)
            for image_id, item in enumerate(members, 1):
                put(target / "images" / split / item.name, item.body)
                size = {"width": item.record.width, "height": item.record.height}
                images.append({"id": image_id, "file_name": item.name, **size, "tags": list(item.record.tags)})
                annotations += _annotations(item, image_id, ids, numbers)
            document = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
            put(target / f"annotations/instances_{split}.json", json.dumps(document).encode())


def _annotations(
    item: Item, image_id: int, ids: Mapping[str, int], numbers: Iterator[int]
) -> Iterator[dict[str, Any]]:
    for instance in item.record.instances:
        mask = instance.mask
        yield {
            "id": next(numbers),
            "image_id": image_id,
            "category_id": ids[instance.class_name],
            "segmentation": {"size": list(mask.size), "counts": mask.counts} if mask else [],
            "bbox": list(instance.bbox),
            "area": instance.area_px,
            "iscrowd": int(instance.is_crowd),
        }
