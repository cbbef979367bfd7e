"""Pascal VOC and labelImg: one XML file an image, boxes only, the first pixel is 1.

Source: host.robots.ox.ac.uk/pascal/VOC/voc2012 development kit, section "Annotation".
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from app.contracts.uploads import LabelFormat
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.parsing import by_folder, class_missing, reading_file, reading_object, text_of
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.shapes import Box
from maskrcnn.data.tree import UploadTree


class VocImporter:
    """Reads VOC files: every object is a box without a mask."""

    name: LabelFormat = "voc"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: XML that begins with <annotation>; a damaged one is still one."""
        files = (path for path in tree.paths if path.lower().endswith(".xml") and _is_voc(tree.read(path)))
        return [DataSet(root_of(group[0]), self.name, group) for group in by_folder(files)]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        images = ImageIndex.of_upload(tree, data_set.root)
        for file in data_set.files:
            try:
                with reading_file(file):
                    document = _parse(text_of(tree, file))
                image = images.partner(file, document.findtext("filename", ""))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file, *_same_name(images, file)))
                continue
            try:
                with reading_file(file):
                    yield _sample(document, image, file, data_set, images, tree.note(data_set.root).class_name)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file))


def _is_voc(body: bytes) -> bool:
    head = body[:2000].decode("utf-8", "replace")
    return "<annotation" in head and "<annotations" not in head


def _parse(text: str) -> ElementTree.Element:
    """The root element; a document type could name other files or blow up, and no VOC file has one."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadItemError("annotation-unreadable", "annotation", "has a document type: export it again without one")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - no entity can be declared without a document type
    except ElementTree.ParseError as problem:
        message = f"is broken ({problem}): export it again"
        raise BadItemError("annotation-unreadable", "annotation", message) from problem


def _same_name(images: ImageIndex, file: str) -> tuple[str, ...]:
    """The image that a broken label would have had."""
    try:
        return (images.partner(file),)
    except BadItemError:
        return ()


def _sample(
    document: ElementTree.Element, image: str, file: str, data_set: DataSet, images: ImageIndex, default_class: str
) -> Sample:
    shapes = []
    for number, item in enumerate(document.iter("object"), 1):
        with reading_object(number):
            class_name = item.findtext("name", "").strip() or default_class
            if not class_name:
                raise class_missing()
            shapes.append(LabelledShape(class_name, _box(item)))
    width, height = (int(document.findtext(f"size/{side}", "0")) for side in ("width", "height"))
    size = (width, height) if width and height else None
    return Sample(image, file, data_set.name_of(image), size, tuple(shapes), (), images.split_of(image))


def _box(item: ElementTree.Element) -> Box:
    left, top, right, bottom = (float(item.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax"))
    return Box(left - 1, top - 1, right - 1, bottom - 1)
