"""VGG Image Annotator 1 and 2: one JSON file for all images; regions a dict (1) or a list (2).

Polygons are drawn as VIA's own export to COCO has them. Source: robots.ox.ac.uk/~vgg/software/via, "annotations JSON".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from app.contracts.uploads import LabelFormat
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import class_missing, json_of, reading_file, reading_object
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box, CocoPolygons, Shape
from maskrcnn.data.tool_shapes import ellipse
from maskrcnn.data.tree import UploadTree

SUPPORTED = "Castline takes polygon, circle, ellipse and rect"
_CLASS_ATTRIBUTES = ("class", "class_name", "label", "name", "type", "category", "defect", "object")


class ViaImporter:
    """Reads VIA's annotations and whole projects; an image that is listed without regions is background."""

    name: LabelFormat = "via"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: a JSON object whose values have filename and regions."""
        return [
            DataSet(root_of(path), self.name, (path,))
            for path in tree.paths
            if path.endswith(".json") and _is_via(_entries(json_of(tree, path)))
        ]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        file = data_set.files[0]
        images = ImageIndex.of_upload(tree, data_set.root)
        entries = _entries(json.loads(tree.read(file)))
        default_class = tree.note(data_set.root).class_name
        for entry in sorted(entries.values(), key=lambda entry: str(entry.get("filename"))):
            try:
                image = images.find(str(entry.get("filename")))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                with reading_file(file):
                    shapes, tags = _shapes(entry, default_class), _tags(entry)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file))
                continue
            split = images.split_of(image)
            yield Sample(image, file, data_set.name_of(image), None, shapes, tags, split)


def _entries(document: Any) -> dict[str, dict[str, Any]]:
    """Image key -> its entry; a saved project has them one level down."""
    if not isinstance(document, dict):
        return {}
    inner = document.get("_via_img_metadata", document)
    return inner if isinstance(inner, dict) else {}


def _is_via(entries: dict[str, Any]) -> bool:
    return bool(entries) and all(isinstance(e, dict) and {"filename", "regions"} <= e.keys() for e in entries.values())


def _shapes(entry: dict[str, Any], default_class: str) -> tuple[LabelledShape, ...]:
    regions = entry["regions"]
    shapes = []
    for number, region in enumerate(regions.values() if isinstance(regions, dict) else regions, 1):
        with reading_object(number):
            class_name = _class_of(region.get("region_attributes") or {}) or default_class
            if not class_name:
                raise class_missing()
            shapes.append(LabelledShape(class_name, _shape(region["shape_attributes"])))
    return tuple(shapes)


def _class_of(attributes: dict[str, Any]) -> str:
    """The value of the only attribute, or of the one that is called like a class."""
    named = {name.lower(): value for name, value in attributes.items()}
    value = next(iter(named.values())) if len(named) == 1 else next(
        (named[name] for name in _CLASS_ATTRIBUTES if name in named), ""
    )
    if isinstance(value, dict):  # a checkbox: {"chipping": true}
        value = next((name for name, on in value.items() if on), "")
    return str(value or "").strip()


def _tags(entry: dict[str, Any]) -> tuple[str, ...]:
    """Attributes of the image, `key=value`."""
    attributes = entry.get("file_attributes") or {}
    return tuple(f"{name}={value}" for name, value in attributes.items() if isinstance(value, str) and value)


def _shape(attributes: dict[str, Any]) -> Shape:
    kind = attributes["name"]
    if kind == "polygon":
        pairs = zip(attributes["all_points_x"], attributes["all_points_y"], strict=True)
        return CocoPolygons((tuple(float(value) for pair in pairs for value in pair),))
    if kind == "rect":
        x, y, width, height = (float(attributes[key]) for key in ("x", "y", "width", "height"))
        return Box(x, y, x + width - 1, y + height - 1)
    if kind == "circle":
        x, y, radius = (float(attributes[key]) for key in ("cx", "cy", "r"))
        return ellipse(x, y, radius, radius)
    if kind == "ellipse":
        x, y, radius_x, radius_y = (float(attributes[key]) for key in ("cx", "cy", "rx", "ry"))
        return ellipse(x, y, radius_x, radius_y, float(attributes.get("theta", 0)))
    raise BadItemError("geometry-unsupported", "", f"is a {kind}: {SUPPORTED}: draw it as one of them")
