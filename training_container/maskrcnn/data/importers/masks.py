"""Masks as pictures beside the photographs: `images/x.jpg` with `masks/x.png`, or `masks/<class>/x.png`.

Two meanings look alike. In instance masks every value is one object; in semantic masks every value is a class, and
its connected parts are the objects. A folder called instances, or castline.json, says the first; a mask with
several values and no list of classes is not guessed at. Objects that overlap cannot be told apart in such pictures.
"""

from __future__ import annotations

import abc
import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

import numpy as np

from app.contracts.uploads import LabelFormat
from maskrcnn.data import mask_pictures, split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers import class_names
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import class_missing
from maskrcnn.data.mask_pictures import Values
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.tool_shapes import rle_of
from maskrcnn.data.tree import UploadTree, join, parent

_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
_FOLDERS = re.compile(
    r"masks?|(ground_?truth|gt)(_masks?)?|labels?|annotations?|segmentations?|"
    r"(instances?|semantic)([_-]?(masks?|labels?))?|masks?[_-](instances?|semantic)|labelids|instanceids",
    re.IGNORECASE,
)
_ENDINGS = re.compile(
    r"[_-](masks?|labels?|labelids|instanceids|seg(mentation)?|gt|instances?|semantic)$", re.IGNORECASE
)
_CITYSCAPES_FIRST = 1000  # class * 1000 + number of the object
_UNKNOWN = (
    "has a mask of {count} values, which could be objects or classes: say in a castline.json either "
    '{{"format": "instance-masks", "class_name": "chipping"}} or '
    '{{"format": "semantic-masks", "classes": {{"{first}": "chipping"}}}}'
)


class _MaskImporter(abc.ABC):
    """What both kinds share: which pictures are masks, and of which photograph."""

    name: LabelFormat

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: folders of masks that are named like photographs elsewhere in the upload."""
        masks: dict[str, list[str]] = defaultdict(list)
        for path in tree.paths:
            folder = _mask_folder(path)
            if folder and path.lower().endswith(_SUFFIXES) and self._takes(tree, folder):
                masks[folder].append(path)
        images = (path for path in tree.paths if is_image_name(path) and not _mask_folder(path))
        photographs = {PurePosixPath(path).stem for path in images}
        found = []
        for folder, paths in sorted(masks.items()):
            if any({PurePosixPath(path).stem, _stem(path)} & photographs for path in paths):
                lists = class_names.file_above(tree, folder)
                root = root_of(join(folder, "mask"))
                found.append(DataSet(root, self.name, tuple(paths), (), (lists,) if lists else ()))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        images = ImageIndex.of_upload(tree, data_set.root, is_mask=lambda path: bool(_mask_folder(path)))
        classes_of = functools.cache(lambda folder: class_names.names_for(tree, folder))
        masks_of: dict[str, list[str]] = defaultdict(list)
        for mask in data_set.files:
            try:
                masks_of[_partner(images, mask)].append(mask)
            except BadItemError as bad:
                yield Rejected(bad.finding(mask), (mask,))
        for image, masks in sorted(masks_of.items()):
            try:
                yield self._sample(tree, data_set, image, masks, images, classes_of)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, *masks))

    def _sample(
        self,
        tree: UploadTree,
        data_set: DataSet,
        image: str,
        masks: list[str],
        images: ImageIndex,
        classes_of: Callable[[str], Mapping[int, str]],
    ) -> Sample:
        shapes: list[LabelledShape] = []
        size = None
        for mask in masks:
            values = mask_pictures.values_of(tree.read(mask))
            height, width = values.shape
            if size not in (None, (width, height)):
                message = f"has masks of different sizes ({masks[0]}, {mask}): export them again"
                raise BadItemError("label-size-mismatch", "annotation", message)
            size = (width, height)
            class_name = class_folder(mask) or tree.note(parent(mask)).class_name
            shapes += self._objects(values, class_name, classes_of(parent(mask)))
        return Sample(image, masks[0], data_set.name_of(image), size, tuple(shapes), (), images.split_of(image))

    @abc.abstractmethod
    def _takes(self, tree: UploadTree, folder: str) -> bool:
        """Whether the masks of a folder are of this kind."""

    @abc.abstractmethod
    def _objects(self, values: Values, class_name: str, classes: Mapping[int, str]) -> list[LabelledShape]:
        """The objects of one mask."""


class InstanceMasksImporter(_MaskImporter):
    """Every value but 0 is one object; its class is the folder's, castline.json's, or value // 1000 (Cityscapes)."""

    name: LabelFormat = "instance-masks"

    def _takes(self, tree: UploadTree, folder: str) -> bool:
        told = tree.note(folder).format
        return told == self.name or (told is None and "instance" in PurePosixPath(folder).name.lower())

    def _objects(self, values: Values, class_name: str, classes: Mapping[int, str]) -> list[LabelledShape]:
        objects = []
        for value in _present(values):
            name = class_name
            if not name and value >= _CITYSCAPES_FIRST:
                name = classes.get(value // _CITYSCAPES_FIRST, "")
            elif not name and len(classes) == 1:
                (name,) = classes.values()
            if not name:
                raise class_missing('{"format": "instance-masks", "class_name": "chipping"}')
            objects.append(LabelledShape(name, rle_of(values == value)))
        return objects


class SemanticMasksImporter(_MaskImporter):
    """Every value but 0 is a class by castline.json or a list of classes; its connected parts are the objects."""

    name: LabelFormat = "semantic-masks"

    def _takes(self, tree: UploadTree, folder: str) -> bool:
        return tree.note(folder).format in (None, self.name)

    def _objects(self, values: Values, class_name: str, classes: Mapping[int, str]) -> list[LabelledShape]:
        present = _present(values)
        named = _class_of_values(present, class_name, classes)
        return [
            LabelledShape(named[value], part) for value in present for part in mask_pictures.components(values == value)
        ]


def _class_of_values(present: list[int], class_name: str, classes: Mapping[int, str]) -> Mapping[int, str]:
    """A mask of one value needs one name only, so 255 may stand for class 1."""
    only = class_name or (next(iter(classes.values())) if len(classes) == 1 else "")
    if len(present) <= 1 and only:
        return dict.fromkeys(present, only)
    unnamed = [value for value in present if value not in classes]
    if unnamed and len(present) > 1 and not classes:
        raise BadItemError("mask-ambiguous", "annotation", _UNKNOWN.format(count=len(present), first=present[0]))
    if unnamed:
        raise class_missing(f'{{"format": "semantic-masks", "classes": {{"{unnamed[0]}": "chipping"}}}}')
    return classes


def _present(values: Values) -> list[int]:
    return [int(value) for value in np.unique(values) if value]


def _mask_folder(path: str) -> str:
    """The outermost folder of masks that a picture lies in; '' when it lies in none."""
    parts = PurePosixPath(parent(path)).parts
    deep = next((n for n, part in enumerate(parts, 1) if _FOLDERS.fullmatch(part)), 0)
    return "/".join(parts[:deep])


def class_folder(mask: str) -> str:
    """The class that folders name: `chipping` of `masks/train/chipping/x.png`; '' of `masks/train/x.png`."""
    below = PurePosixPath(parent(mask)).relative_to(_mask_folder(mask)).parts
    named = [part for part in below if not _FOLDERS.fullmatch(part)]
    split = next((part for part in named if split_names.of_folder(part)), None)
    if split is not None:  # once: a class may be called train, as in COCO
        named.remove(split)
    return named[-1] if named else ""


def _stem(mask: str) -> str:
    return _ENDINGS.sub("", PurePosixPath(mask).stem)


def _partner(images: ImageIndex, mask: str) -> str:
    """The photograph; its folders may repeat the class (MVTec's test/<class>) or not know it."""
    stem = _stem(mask) if not images.has_stem(PurePosixPath(mask).stem) else ""
    try:
        return images.partner(mask, stem=stem)
    except BadItemError as bad:
        if bad.rule != "image-ambiguous" or not class_folder(mask):
            raise
        return images.partner(mask.replace(f"/{class_folder(mask)}/", "/"), stem=stem)
