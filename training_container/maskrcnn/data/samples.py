"""What importers hand over: one sample an image, its objects not yet drawn; and the seam for more formats."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Protocol

from app.contracts.dataset import Finding, Split
from app.contracts.uploads import LabelFormat
from maskrcnn.data.shapes import Shape
from maskrcnn.data.tree import UploadTree, upload_of


@dataclasses.dataclass(frozen=True)
class LabelledShape:
    """One labelled object as the labelling tool wrote it."""

    class_name: str
    shape: Shape
    is_crowd: bool = False


@dataclasses.dataclass(frozen=True)
class Sample:
    """One image with its label.

    Attributes:
        image: Path of the image below the inbox.
        annotation: Path of the file that holds its label.
        name: The image's path below its data set: stays the same whatever the upload is called.
        size: (width, height) that the label claims for the image; None when it does not say.
        shapes: In painting order; empty says the image is background only.
        tags: Image tags, `key` or `key=value`.
        split: train, val or test where a folder, file name or tag says so.
        findings: Warnings about what the importer had to mend or leave out.
        is_weak: Only the name of a folder speaks for it: a drawn label of the same image wins.
    """

    image: str
    annotation: str
    name: str
    size: tuple[int, int] | None
    shapes: tuple[LabelledShape, ...]
    tags: tuple[str, ...] = ()
    split: Split | None = None
    findings: tuple[Finding, ...] = ()
    is_weak: bool = False


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One data set found in the uploads.

    Attributes:
        root: Folder below the inbox; data sets with the same root are one for the meaning of val and test.
        format: Name of the importer.
        files: The annotation files it was recognised by.
        pictures_to_ignore: Folders of pictures that are no photographs, such as drawn masks.
        belongings: Files that belong to it without being a label: lists of classes, settings, masks.
    """

    root: str
    format: str
    files: tuple[str, ...]
    pictures_to_ignore: tuple[str, ...] = ()
    belongings: tuple[str, ...] = ()

    def name_of(self, image: str) -> str:
        """The image's path below the data set, or below its upload when it lies outside."""
        inside = not self.root or image.startswith(f"{self.root}/")
        folder = self.root if inside else upload_of(image)
        return image.removeprefix(f"{folder}/") if folder else image


@dataclasses.dataclass(frozen=True)
class Rejected:
    """An image or label that an importer cannot hand over.

    Attributes:
        finding: Why.
        files: What goes to quarantine: the image, its annotation.
        is_fault: False when nothing is wrong with it and it is only set aside until somebody draws a label:
            such an item does not count towards the share of bad items that stops a run.
    """

    finding: Finding
    files: tuple[str, ...]
    is_fault: bool = True


class Importer(Protocol):
    """One label format. To add one, write a class like this and list it in importers/__init__.py."""

    name: LabelFormat

    def find(self, tree: UploadTree) -> list[DataSet]:
        """The data sets of this format, recognised by content, among the files that nobody claimed before."""

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """Its images one by one, by path; a rejection where a label or its image is missing or unreadable."""
