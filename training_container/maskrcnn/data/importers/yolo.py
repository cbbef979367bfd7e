"""YOLO text labels, one file an image: `class x1 y1 x2 y2 ...` (polygon) or `class x y width height` (box centre).

All coordinates are shares of the image's width and height; an empty file says background.
Lists of images (train.txt, val.txt, test.txt) set the split.
Source: docs.ultralytics.com, "Instance segmentation datasets" and "Object detection datasets".
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from app.contracts.dataset import Split
from app.contracts.uploads import LabelFormat
from maskrcnn.data import split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import upright_size
from maskrcnn.data.importers import class_names
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import by_folder, reading_file, reading_object, text_of
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box, CocoPolygons, Shape
from maskrcnn.data.tree import UploadTree, is_paper, parent

_SHARE_TOLERANCE = 0.01
_BOX_NUMBERS, _BOX_AND_SCORE, _LEAST_CORNERS = 4, 5, 6


class YoloImporter:
    """Reads segments and boxes; the classes are those of data.yaml, classes.txt or obj.names above the labels."""

    name: LabelFormat = "yolo"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: folders of .txt files that are named like images and hold numbers and shares."""
        found = []
        for group in by_folder(label_texts(tree)):
            fitting = [path for path in group if _looks_like_yolo(tree.read(path))]
            filled = [path for path in group if tree.read(path).strip()]
            if len(fitting) > len(filled) / 2 or not filled:
                lists = class_names.file_above(tree, parent(group[0]))
                belongings = (*((lists,) if lists else ()), *split_lists(tree, root_of(group[0])))
                found.append(DataSet(root_of(group[0]), self.name, group, (), belongings))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        images = ImageIndex.of_upload(tree, data_set.root)
        listed = _listed(tree, data_set, images)
        classes_of = functools.cache(lambda folder: class_names.names_for(tree, folder))
        for file in data_set.files:
            try:
                image = images.partner(file)
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                classes = classes_of(parent(file))
                size = upright_size(tree.read(image))
                with reading_file(file):
                    shapes = _shapes(text_of(tree, file), classes, size, tree.note(parent(file)).class_name)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file))
                continue
            split = listed.get(image) or images.split_of(image)
            yield Sample(image, file, data_set.name_of(image), size, shapes, (), split)


def label_texts(tree: UploadTree) -> list[str]:
    """The .txt files that are named like an image, and those in the same folders; no lists of classes."""
    stems = {PurePosixPath(path).stem for path in tree.paths if is_image_name(path)}
    texts = [p for p in tree.paths if p.lower().endswith(".txt") and not class_names.is_class_list(p)]
    folders = {parent(path) for path in texts if PurePosixPath(path).stem in stems}
    lists = {path for folder in folders for path in split_lists(tree, folder)}
    return [path for path in texts if parent(path) in folders and path not in lists and not is_paper(path)]


def split_lists(tree: UploadTree, root: str) -> tuple[str, ...]:
    """The nearest train.txt, val.txt and test.txt at or above the data set that list images (Darknet, Ultralytics)."""
    while True:
        lists = tuple(path for path in tree.folders.get(root, ()) if _lists_images(tree, path))
        if lists or not root:
            return lists
        root = parent(root)


def _lists_images(tree: UploadTree, path: str) -> bool:
    if not (path.endswith(".txt") and split_names.of_file(PurePosixPath(path).stem)):
        return False
    return is_image_name(tree.read(path).split(b"\n", 1)[0].decode("utf-8", "replace").strip())


def _listed(tree: UploadTree, data_set: DataSet, images: ImageIndex) -> dict[str, Split]:
    """Image -> the split whose list names it; what a list names and nobody uploaded is no matter here."""
    listed: dict[str, Split] = {}
    for path in split_lists(tree, data_set.root):
        split = split_names.of_file(PurePosixPath(path).stem)
        for line in tree.read(path).decode("utf-8", "replace").splitlines():
            with contextlib.suppress(BadItemError):
                if split and line.strip():
                    listed[images.find(line.strip())] = split
    return listed


def _looks_like_yolo(body: bytes) -> bool:
    """The first line has a whole number and then at least four shares."""
    numbers = body.split(b"\n", 1)[0].split()
    try:
        shares = [float(number) for number in numbers[1:]]
        return numbers[0].isdigit() and len(shares) >= _BOX_NUMBERS and all(abs(share) <= 2 for share in shares)
    except (ValueError, IndexError):
        return False


def _shapes(text: str, classes: Mapping[int, str], size: tuple[int, int], default: str) -> tuple[LabelledShape, ...]:
    shapes = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        with reading_object(number):
            first, *rest = line.split()
            class_name = classes.get(int(first)) or ("" if classes else default)
            if not class_name:
                raise BadItemError(
                    "class-missing",
                    "",
                    f"has class {first}, which no list names: add a classes.txt, or a castline.json: "
                    f'{{"classes": {{"{first}": "chipping"}}}}',
                )
            shapes.append(LabelledShape(class_name, _shape([float(value) for value in rest], *size)))
    return tuple(shapes)


def _shape(numbers: list[float], width: int, height: int) -> Shape:
    outside = [n for n in numbers if not -_SHARE_TOLERANCE <= n <= 1 + _SHARE_TOLERANCE]
    if outside:
        raise BadItemError(
            "coordinate-no-share",
            "",
            f"has the coordinate {outside[0]:g}, which is no share of the image from 0 to 1: export it normalised",
        )
    if len(numbers) in (_BOX_NUMBERS, _BOX_AND_SCORE):  # a prediction has its score behind the box
        x, y, w, h = numbers[:_BOX_NUMBERS]
        return Box((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width - 1, (y + h / 2) * height - 1)
    if len(numbers) < _LEAST_CORNERS or len(numbers) % 2:
        raise BadItemError(
            "annotation-unreadable",
            "",
            f"has {len(numbers)} numbers after the class: a box has 4, a polygon pairs of at least 3 corners",
        )
    sides = (width, height) * (len(numbers) // 2)
    return CocoPolygons((tuple(share * side for share, side in zip(numbers, sides, strict=True)),))
