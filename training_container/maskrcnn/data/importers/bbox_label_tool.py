"""BBox-Label-Tool: one text file an image, `count` and then `x1 y1 x2 y2 [class]` in whole pixels; boxes only.

The tool shows large images scaled down and writes the corners scaled up again, so that a corner may lie a few pixels
outside: such a box is clipped and said. The original tool writes no class: castline.json or a class.txt with a single
name gives it. Source: github.com/puzzledqs/BBox-Label-Tool and github.com/xiaqunfeng/BBox-Label-Tool, main.py.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from app.contracts.dataset import Finding
from app.contracts.uploads import LabelFormat
from maskrcnn.data import findings
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import upright_size
from maskrcnn.data.importers import class_names
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import by_folder, class_missing, reading_file, reading_object, text_of
from maskrcnn.data.importers.yolo import label_texts
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box
from maskrcnn.data.tree import UploadTree, parent

_CORNER_NUMBERS = 4


class BBoxLabelToolImporter:
    """Reads the tool's files, with a class in each line or without."""

    name: LabelFormat = "bbox-label-tool"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: folders of .txt files that are named like images and begin with a lone count."""
        found = []
        for group in by_folder(label_texts(tree)):
            fitting = [path for path in group if _begins_with_count(tree.read(path))]
            if len(fitting) > len(group) / 2:
                lists = class_names.file_above(tree, parent(group[0]))
                found.append(DataSet(root_of(group[0]), self.name, group, (), (lists,) if lists else ()))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        images = ImageIndex.of_upload(tree, data_set.root)
        default_class = functools.cache(lambda folder: _default_class(tree, folder))
        for file in data_set.files:
            try:
                image = images.partner(file)
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            try:
                size = upright_size(tree.read(image))
                with reading_file(file):
                    shapes, warnings = _shapes(text_of(tree, file), image, size, default_class(parent(file)))
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file))
                continue
            split = images.split_of(image)
            yield Sample(image, file, data_set.name_of(image), size, shapes, (), split, warnings)


def _begins_with_count(body: bytes) -> bool:
    return body.split(b"\n", 1)[0].strip().isdigit()


def _default_class(tree: UploadTree, folder: str) -> str:
    """What castline.json says, else the only class of the list; a choice among several is nobody's to make."""
    classes = tuple(class_names.names_for(tree, folder).values())
    return tree.note(folder).class_name or (classes[0] if len(classes) == 1 else "")


def _shapes(
    text: str, image: str, size: tuple[int, int], default_class: str
) -> tuple[tuple[LabelledShape, ...], tuple[Finding, ...]]:
    first, *lines = [line for line in text.splitlines() if line.strip()]
    if int(first) != len(lines):
        message = f"says {first.strip()} boxes and has {len(lines)}: the label is cut off, save it again"
        raise BadItemError("annotation-unreadable", "annotation", message)
    shapes: list[LabelledShape] = []
    warnings: list[Finding] = []
    for number, line in enumerate(lines, 1):
        with reading_object(number):
            corners, class_name = _line(line, default_class)
            clipped = _clipped(corners, *size)
        if clipped != corners:
            said = f"box {number} reaches outside the image of {size[0]}x{size[1]} ({line.strip()})"
            what = "left out" if clipped is None else "clipped"
            warnings.append(findings.warning(image, f"box {number}", "box-clipped", f"{said}: {what}"))
        if clipped:
            left, top, right, bottom = clipped
            shapes.append(LabelledShape(class_name, Box(left, top, right - 1, bottom - 1)))
    return tuple(shapes), tuple(warnings)


def _line(line: str, default_class: str) -> tuple[tuple[int, ...], str]:
    """Corners and class; a class may hold spaces, as the tool does not stop anybody from that."""
    parts = line.split(maxsplit=_CORNER_NUMBERS)
    class_name = " ".join(parts[_CORNER_NUMBERS:]).strip() or default_class
    if not class_name:
        raise class_missing()
    x1, y1, x2, y2 = (int(part) for part in parts[:_CORNER_NUMBERS])
    return (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), class_name


def _clipped(corners: tuple[int, ...], width: int, height: int) -> tuple[int, ...] | None:
    """The part of a box that lies in the image; None when nothing does."""
    left, top, right, bottom = corners
    left, right, top, bottom = max(left, 0), min(right, width), max(top, 0), min(bottom, height)
    return (left, top, right, bottom) if left < right and top < bottom else None
