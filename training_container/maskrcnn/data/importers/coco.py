"""COCO instance annotations: polygons, run-length masks compressed or not, crowds, and boxes without a mask.

An image without annotations is background: COCO lists it on purpose. Source: cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
import mmap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from app.contracts.dataset import Split
from maskrcnn.data import findings, split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box, CocoPolygons, CocoRle, Shape
from maskrcnn.data.tree import UploadTree, below, is_image_name, parent

_KEYS = ("images", "annotations", "categories")


class CocoImporter:
    """Reads COCO files; the images are found by name anywhere below the data set's folder."""

    name = "coco"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: a JSON object with images, annotations and categories."""
        return [
            DataSet(_root(path), self.name, (path,))
            for path in tree.paths
            if path.endswith(".json") and _looks_like_coco(tree.local(path))
        ]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        file = data_set.files[0]
        try:
            document = _Document(json.loads(tree.read(file)))
        except (ValueError, KeyError, TypeError) as problem:
            yield Rejected(
                findings.error(
                    file,
                    "annotation",
                    "annotation-unreadable",
                    f"is no COCO file ({type(problem).__name__}: {problem}): export it again",
                ),
                (file,),
            )
            return
        images = _ImageIndex(below(tree.paths, data_set.root.partition("/")[0]), file, data_set.root)
        for image in document.images:
            try:
                path = images.find(str(image["file_name"]))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                yield document.sample(image, path, data_set, images.split_of(path))
            except BadItemError as bad:
                yield Rejected(bad.finding(path), (path, file))


class _Document:
    """A parsed COCO file, its annotations by image."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self.images = sorted(plain["images"], key=lambda image: str(image["file_name"]))
        self._classes = {category["id"]: str(category["name"]) for category in plain["categories"]}
        self._annotations: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in plain["annotations"]:
            self._annotations[annotation["image_id"]].append(annotation)

    def sample(self, image: dict[str, Any], path: str, data_set: DataSet, split: Split | None) -> Sample:
        """The sample of one entry of `images`.

        Raises:
            BadItemError: one of its annotations is broken.
        """
        shapes = []
        for number, annotation in enumerate(self._annotations.get(image["id"], ()), 1):
            try:
                shapes.append(self._labelled(annotation))
            except (ValueError, KeyError, TypeError, IndexError) as problem:
                raise BadItemError(
                    "annotation-unreadable",
                    f"object {number}",
                    f"object {number} is broken ({type(problem).__name__}: {problem}): export the annotation again",
                ) from problem
        size = (int(image["width"]), int(image["height"])) if {"width", "height"} <= image.keys() else None
        return Sample(path, data_set.files[0], data_set.name_of(path), size, tuple(shapes), (), split)

    def _labelled(self, annotation: dict[str, Any]) -> LabelledShape:
        class_name = self._classes[annotation["category_id"]]
        return LabelledShape(class_name, _shape(annotation), bool(annotation.get("iscrowd", 0)))


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


class _ImageIndex:
    """Finds the file of a `file_name`, wherever the exporting tool thought it was."""

    def __init__(self, paths: list[str], annotation: str, root: str) -> None:
        self._root = root
        self._split = split_names.of_file(PurePosixPath(annotation).stem) or _split_of_folders(parent(annotation))
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            if is_image_name(path):
                self._by_name[PurePosixPath(path).name].append(path)

    def find(self, file_name: str) -> str:
        """The image most like `file_name`: by trailing folders, then the split, then the data set.

        Raises:
            BadItemError: there is none, or more than one.
        """
        wanted = PurePosixPath(file_name.replace("\\", "/"))
        ranked = sorted(
            ((self._likeness(path, wanted), path) for path in self._by_name.get(wanted.name, ())),
            reverse=True,
        )
        if not ranked:
            raise BadItemError(
                "label-without-image",
                f"image {file_name}",
                f"lists {file_name}, which was not uploaded: upload the image, or remove it from the file",
            )
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise BadItemError(
                "image-ambiguous",
                f"image {file_name}",
                f"lists {file_name}, which could be {ranked[1][1]} or {ranked[0][1]}: write the folder into file_name",
            )
        return ranked[0][1]

    def split_of(self, path: str) -> Split | None:
        """The split that the annotation file's name says, else the one its images' folder says."""
        return self._split or _split_of_folders(parent(path))

    def _likeness(self, path: str, wanted: PurePosixPath) -> tuple[int, bool, bool]:
        pairs = zip(reversed(PurePosixPath(path).parts), reversed(wanted.parts), strict=False)
        common = 0
        for have, want in pairs:
            if have != want:
                break
            common += 1
        same_split = self._split is not None and _split_of_folders(parent(path)) == self._split
        return common, same_split, not self._root or path.startswith(self._root + "/")


def _split_of_folders(folder: str) -> Split | None:
    """The split that the innermost folder with such a name says."""
    for part in reversed(PurePosixPath(folder).parts):
        if split := split_names.of_folder(part):
            return split
    return None


def _root(path: str) -> str:
    """The data set's folder: where the file lies, or above it when that is annotations/, train/, ..."""
    folder = parent(path)
    while folder and (
        PurePosixPath(folder).name in ("annotations", "labels") or split_names.of_folder(PurePosixPath(folder).name)
    ):
        folder = parent(folder)
    return folder


def _looks_like_coco(file: Path) -> bool:
    """Search for the three keys without parsing: the file may have hundreds of megabytes."""
    if not file.stat().st_size:
        return False
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return all(text.find(f'"{key}"'.encode()) >= 0 for key in _KEYS)
