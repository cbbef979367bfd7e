"""COCO: images/<split>/ and annotations/instances_<split>.json, masks as compressed run lengths, so exactly."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from app.contracts.dataset import ClassDefinition, Split
from maskrcnn.data.exporters.items import Item, put


class CocoExporter:
    """An object without a mask has an empty segmentation; category ids are the class ids of the version."""

    name = "coco"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter; the file of a split is written as its items come."""
        categories = [{"id": c.id, "name": c.name, "supercategory": c.role} for c in classes]
        ids = {c.name: c.id for c in classes}
        (target / "annotations").mkdir(parents=True)
        for split, members in items.items():
            with (
                (target / f"annotations/instances_{split}.json").open("w") as file,
                tempfile.TemporaryFile("w+") as annotations,
            ):
                file.write('{"info": {}, "images": [')
                numbers = itertools.count(1)
                for image_id, item in enumerate(members, 1):
                    put(target / "images" / split / item.name, item.body)
                    _append(file, image_id, _image(item, image_id))
                    for annotation in _annotations(item, image_id, ids, numbers):
                        _append(annotations, annotation["id"], annotation)
                file.write('], "annotations": [')
                annotations.seek(0)
                shutil.copyfileobj(annotations, file)
                file.write(f'], "categories": {json.dumps(categories)}}}')


def _append(file: IO[str], number: int, entry: Mapping[str, Any]) -> None:
    """Write one entry of a list, the first of which has number 1."""
    file.write((", " if number > 1 else "") + json.dumps(entry))


def _image(item: Item, image_id: int) -> dict[str, Any]:
    size = {"width": item.record.width, "height": item.record.height}
    return {"id": image_id, "file_name": item.name, **size, "tags": list(item.record.tags)}


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
