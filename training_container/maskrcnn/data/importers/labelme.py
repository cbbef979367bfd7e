"""labelme: one JSON file an image, with polygons, masks, circles and rectangles in floating-point pixels.

Shapes of one label and one group_id are one object, as labelme's own export has it. A rectangle is a box without a
mask. Source: github.com/labelmeai/labelme, labelme/utils/shape.py and label_file.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from app.contracts.uploads import LabelFormat
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import by_folder, class_missing, json_of, reading_file, reading_object
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Bitmap, Box, MaskShape, Point, Shape
from maskrcnn.data.tool_shapes import PillowPolygon, Union, ellipse
from maskrcnn.data.tree import UploadTree

SUPPORTED = "Castline takes polygon, mask, circle and rectangle"


class LabelmeImporter:
    """Reads labelme files; the image is the one of the same name in the folder that matches the label's."""

    name: LabelFormat = "labelme"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: JSON objects with shapes and imagePath."""
        files = (path for path in tree.paths if path.endswith(".json") and _is_labelme(json_of(tree, path)))
        return [DataSet(root_of(group[0]), self.name, group) for group in by_folder(files)]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        images = ImageIndex.of_upload(tree, data_set.root)
        for file in data_set.files:
            document = json.loads(tree.read(file))
            try:
                image = images.partner(file, str(document["imagePath"]))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                with reading_file(file):
                    yield _sample(document, image, file, data_set, images, tree.note(data_set.root).class_name)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file))


def _is_labelme(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("shapes"), list) and "imagePath" in document


def _sample(
    document: dict[str, Any], image: str, file: str, data_set: DataSet, images: ImageIndex, default_class: str
) -> Sample:
    labelled: list[tuple[Any, LabelledShape]] = []
    for number, item in enumerate(document["shapes"], 1):
        with reading_object(number):
            class_name = str(item["label"] or default_class)
            if not class_name:
                raise class_missing()
            labelled.append((item.get("group_id"), LabelledShape(class_name, _shape(item))))
    width, height = document.get("imageWidth"), document.get("imageHeight")
    size = (int(width), int(height)) if width and height else None
    tags = tuple(str(name) for name, on in (document.get("flags") or {}).items() if on)
    return Sample(image, file, data_set.name_of(image), size, _grouped(labelled), tags, images.split_of(image))


def _grouped(labelled: list[tuple[Any, LabelledShape]]) -> tuple[LabelledShape, ...]:
    """Join the parts of one object; it takes the place of its first part."""
    groups: dict[Any, list[LabelledShape]] = {}
    for number, (group, one) in enumerate(labelled):
        alone = group is None or isinstance(one.shape, Box)
        groups.setdefault(number if alone else (one.class_name, group), []).append(one)
    return tuple(_joined(members) for members in groups.values())


def _joined(members: list[LabelledShape]) -> LabelledShape:
    parts: list[MaskShape] = [member.shape for member in members if not isinstance(member.shape, Box)]
    return LabelledShape(members[0].class_name, Union(tuple(parts))) if len(parts) > 1 else members[0]


def _shape(item: dict[str, Any]) -> Shape:
    kind = item.get("shape_type") or "polygon"  # files of before 2018 know nothing else
    points = [(float(x), float(y)) for x, y in item["points"]]
    if kind == "polygon":
        return PillowPolygon(tuple(points))
    if kind not in ("rectangle", "circle", "mask"):
        raise BadItemError("geometry-unsupported", "", f"is a {kind}: {SUPPORTED}: convert it to one of them")
    first, second = points
    if kind == "circle":
        radius = math.dist(first, second)
        return ellipse(*first, radius, radius)
    if kind == "mask":
        return Bitmap(str(item["mask"]), (round(first[0]), round(first[1])))
    return _box(first, second)


def _box(first: Point, second: Point) -> Box:
    """Labelme's corners are edges, so the last pixel begins one before."""
    (left, right), (top, bottom) = sorted((first[0], second[0])), sorted((first[1], second[1]))
    return Box(left, top, max(left, right - 1), max(top, bottom - 1))


