"""Supervisely project downloads, new and old.

    <project>/meta.json                        classes of the project; may be absent
    <project>/<dataset>/img/<name>.<ext>
    <project>/<dataset>/ann/<name>.<ext>.json  old downloads: <name>.json

Old annotations have no geometryType and carry both `bitmap` and `points`.
Source: docs.supervisely.com "Supervisely annotation format".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from app.contracts.dataset import Split
from app.contracts.uploads import LabelFormat
from maskrcnn.data import split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.parsing import MALFORMED, json_of, reading_file, reading_object, rejected
from maskrcnn.data.path_index import PathIndex, is_image_name
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Bitmap, Box, Polygon, Shape
from maskrcnn.data.tool_shapes import Union
from maskrcnn.data.tree import UploadTree, join, parent

_DRAWN = ("masks_machine", "masks_human", "masks_instances")
CROWD_TAG = "crowd"
"""On an object: it stands for many, as COCO's iscrowd says."""
SUPPORTED = "Castline takes bitmap, polygon, multipolygon and rectangle"


class SuperviselyImporter:
    """Reads bitmaps, polygons and multipolygons with holes, and rectangles of one or more data sets of a project."""

    name: LabelFormat = "supervisely"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: a folder with img/ and ann/, where an annotation has `size` and `objects`."""
        found = []
        for folder, paths in sorted(tree.folders.items()):
            if PurePosixPath(folder).name != "ann" or join(parent(folder), "img") not in tree.folders:
                continue
            annotations = tuple(path for path in paths if path.endswith(".json"))
            if any(_is_annotation(tree, path) for path in annotations):
                home = parent(folder)
                drawn = tuple(join(home, name) for name in _DRAWN)
                found.append(DataSet(parent(home), self.name, annotations, drawn, _settings(tree, parent(home))))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        geometries = _geometries(tree, join(data_set.root, "meta.json"))
        folder = parent(parent(data_set.files[0]))
        images = [p for p in tree.folders[join(folder, "img")] if is_image_name(p)]
        annotations = PathIndex(data_set.files, lambda path: PurePosixPath(path).name.removesuffix(".json"))
        used: set[str] = set()
        for image in images:
            annotation = _partner(image, annotations)
            used.update([annotation] if annotation else [])
            if annotation is None:
                message = "has no annotation in ann/: label it, or save it without objects if it is background"
                yield rejected(image, "image-without-label", message)
                continue
            try:
                yield _sample(tree, data_set, image, annotation, geometries)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, annotation))
        for annotation in sorted(path for path in data_set.files if path not in used):
            message = "has no image in img/: upload the image, or delete the annotation"
            yield rejected(annotation, "label-without-image", message)


def _settings(tree: UploadTree, project: str) -> tuple[str, ...]:
    """The files of a project that are no labels."""
    names = ("meta.json", "obj_class_to_machine_color.json")
    return tuple(path for name in names if (path := join(project, name)) in tree)


def _is_annotation(tree: UploadTree, path: str) -> bool:
    document = json_of(tree, path)
    return isinstance(document, dict) and "size" in document and "objects" in document


def _geometries(tree: UploadTree, meta: str) -> dict[str, str]:
    """Class -> geometry by meta.json; empty when there is none or it cannot be read."""
    if meta not in tree:
        return {}
    try:
        classes = json.loads(tree.read(meta))["classes"]
        return {str(c["title"]): str(c["shape"]) for c in classes}
    except MALFORMED:
        return {}


def _partner(image: str, annotations: PathIndex) -> str | None:
    """Its annotation: by full name, else by the name without the image's extension."""
    name = PurePosixPath(image)
    found = annotations.get(name.name) or annotations.get(name.stem)
    return found[-1] if found else None


def _sample(tree: UploadTree, data_set: DataSet, image: str, annotation: str, geometries: dict[str, str]) -> Sample:
    with reading_file(annotation):
        document = json.loads(tree.read(annotation))
        size = (int(document["size"]["width"]), int(document["size"]["height"]))
        objects = list(document["objects"])
        tags = tuple(_tag(tag) for tag in document.get("tags", ()))
    shapes = []
    for number, item in enumerate(objects, 1):
        with reading_object(number):
            shapes.append(_labelled(item, geometries))
    return Sample(image, annotation, data_set.name_of(image), size, tuple(shapes), tags, _split(image, tags))


def _tag(tag: Any) -> str:
    """`name` or `name=value`; very old files have bare strings."""
    if isinstance(tag, str):
        return tag
    value = tag.get("value")
    return str(tag["name"]) if value is None else f"{tag['name']}={value}"


def _split(image: str, tags: tuple[str, ...]) -> Split | None:
    """A tag speaks for its image and wins over the name of the data set."""
    tagged = {split for tag in tags if (split := split_names.of_tag(tag))}
    if len(tagged) > 1:
        raise BadItemError("split-ambiguous", "tags", f"is tagged {' and '.join(sorted(tagged))}: keep one of them")
    data_set = PurePosixPath(parent(parent(image))).name
    return tagged.pop() if tagged else split_names.of_folder(data_set)


def _labelled(item: dict[str, Any], geometries: dict[str, str]) -> LabelledShape:
    class_name = str(item["classTitle"])
    bitmap, points = item.get("bitmap"), item.get("points") or {}
    geometry = item.get("geometryType") or ("bitmap" if bitmap else geometries.get(class_name, "any"))
    if geometry in ("any", "bitmap") and not bitmap:
        geometry = "rectangle" if len(points.get("exterior", ())) == 2 else "polygon"
    is_crowd = CROWD_TAG in [_tag(tag) for tag in item.get("tags") or ()]
    if geometry == "multipolygon":
        return LabelledShape(class_name, Union(tuple(_polygon(part) for part in item["parts"])), is_crowd)
    return LabelledShape(class_name, _shape(geometry, bitmap, points), is_crowd)


def _shape(geometry: str, bitmap: Any, points: Any) -> Shape:
    if geometry == "bitmap":
        x, y = bitmap["origin"]
        return Bitmap(str(bitmap["data"]), (int(x), int(y)))
    if geometry == "polygon":
        return _polygon(points)
    if geometry == "rectangle":
        (x1, y1), (x2, y2) = _points(points["exterior"])
        return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    raise BadItemError("geometry-unsupported", "", f"is a {geometry}: {SUPPORTED}: convert it to one of them")


def _polygon(points: Any) -> Polygon:
    return Polygon(_points(points["exterior"]), tuple(_points(hole) for hole in points.get("interior") or ()))


def _points(points: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)
