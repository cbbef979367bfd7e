"""COCO instance annotations: polygons, run-length masks compressed or not, crowds, and boxes without a mask.

An image without annotations is background: COCO lists it on purpose. Source: cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
import mmap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from app.contracts.dataset import Split
from app.contracts.uploads import LabelFormat
from maskrcnn.data import json_lists, split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex, root_of, split_of
from maskrcnn.data.importers.parsing import MALFORMED, reading_file, reading_object, rejected
from maskrcnn.data.ledger import Ledger, Table
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box, CocoPolygons, CocoRle, Shape
from maskrcnn.data.tree import UploadTree

_KEYS = ("images", "annotations", "categories")


class CocoImporter:
    """Reads COCO files; the images are found by name anywhere below the data set's folder."""

    name: LabelFormat = "coco"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: a JSON object with images, annotations and categories.

        COCO's own archive labels the people of its images a second time, for key points. Read as labels, that file
        would replace those of all classes by those of people, so it is left beside the file of the instances.
        """
        found = [path for path in tree.paths if path.endswith(".json") and _looks_like_coco(tree.local(path))]
        return [DataSet(root_of(path), self.name, (path,)) for path in found if _of_instances(path) not in found]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        file = data_set.files[0]
        try:
            document = _Document(tree.local(file))
        except MALFORMED as problem:
            message = f"is no COCO file ({type(problem).__name__}: {problem}): export it again"
            yield rejected(file, "annotation-unreadable", message)
            return
        split = split_names.of_file(PurePosixPath(file).stem) or split_of(file)
        images = ImageIndex.of_upload(tree, data_set.root, split)
        for orphan in document.orphans():
            yield Rejected(orphan.finding(file), (file,))
        for image in document.images():
            try:
                path = images.find(str(image["file_name"]))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                with reading_file(file):
                    yield document.sample(image, path, data_set, images.split_of(path))
            except BadItemError as bad:
                yield Rejected(bad.finding(path), (path, file))


class _Document:
    """A COCO file, its annotations by image; it lies on the disk, because it may have gigabytes.

    Raises:
        MALFORMED: it is no COCO file.
    """

    def __init__(self, file: Path) -> None:
        ledger = Ledger()
        self._images: Table[dict[str, Any]] = ledger.table()
        self._listed: Table[None] = ledger.table()
        self._annotations: Table[dict[str, Any]] = ledger.table()
        self._classes: dict[Any, str] = {}
        missing = dict.fromkeys(_KEYS)
        for name, entries in json_lists.lists(file, _KEYS):
            missing.pop(name, None)
            for number, entry in enumerate(entries):
                self._keep(name, number, entry)
        if missing:
            raise KeyError(next(iter(missing)))

    def _keep(self, name: str, number: int, entry: dict[str, Any]) -> None:
        if name == "images":
            self._images[f"{entry['file_name']}\0{number:012d}"] = entry
            self._listed[_key(entry["id"])] = None
        elif name == "annotations":
            self._annotations[f"{_key(entry['image_id'])}/{number:012d}"] = entry
        else:
            self._classes[entry["id"]] = str(entry["name"])

    def images(self) -> Iterator[dict[str, Any]]:
        """What it lists, by file name."""
        return (image for _, image in self._images.by_key())

    def orphans(self) -> Iterator[BadItemError]:
        """Annotations of images that the file does not list."""
        lost = Counter(
            annotation["image_id"] for annotation in self._annotations.values()
            if _key(annotation["image_id"]) not in self._listed
        )
        for image_id, count in lost.items():
            yield BadItemError(
                "label-without-image",
                f"image {image_id}",
                f"has {count} annotations of image {image_id}, which it does not list: "
                "export images and annotations together",
            )

    def sample(self, image: dict[str, Any], path: str, data_set: DataSet, split: Split | None) -> Sample:
        """The sample of one entry of `images`.

        Raises:
            BadItemError: one of its annotations is broken.
        """
        shapes = []
        for number, annotation in enumerate(self._annotations.beginning(f"{_key(image['id'])}/"), 1):
            with reading_object(number):
                shapes.append(self._labelled(annotation))
        size = (int(image["width"]), int(image["height"])) if {"width", "height"} <= image.keys() else None
        return Sample(path, data_set.files[0], data_set.name_of(path), size, tuple(shapes), (), split)

    def _labelled(self, annotation: dict[str, Any]) -> LabelledShape:
        class_name = self._classes[annotation["category_id"]]
        return LabelledShape(class_name, _shape(annotation), bool(annotation.get("iscrowd", 0)))


def _key(image_id: Any) -> str:
    """The same text for ids that are equal; no id begins with another's and a slash."""
    hash(image_id)  # a list or an object is no id
    return json.dumps(int(image_id) if isinstance(image_id, float) and image_id.is_integer() else image_id)


def _shape(annotation: dict[str, Any]) -> Shape:
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        height, width = segmentation["size"]
        counts = segmentation["counts"]
        return CocoRle(
            (int(height), int(width)),
            counts if isinstance(counts, str) else tuple(int(run) for run in counts),
        )
    if segmentation:
        return CocoPolygons(tuple(tuple(float(v) for v in ring) for ring in segmentation))
    x, y, width, height = (float(v) for v in annotation["bbox"])
    return Box(x, y, x + width - 1, y + height - 1)


def _of_instances(path: str) -> str | None:
    """`annotations/person_keypoints_val2017.json` -> `annotations/instances_val2017.json`; None for other names."""
    file = PurePosixPath(path)
    name = file.name.replace("person_keypoints", "instances", 1)
    return None if name == file.name else str(file.with_name(name))


def _looks_like_coco(file: Path) -> bool:
    """Search for the three keys without parsing: the file may have hundreds of megabytes."""
    if not file.stat().st_size:
        return False
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return all(text.find(f'"{key}"'.encode()) >= 0 for key in _KEYS)
