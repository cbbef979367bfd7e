"""castline.json: what an uploader may say about an upload, beside its files, where its labels do not say it."""

from __future__ import annotations

import dataclasses
import typing
from typing import Literal

NOTE_NAME = "castline.json"
"""In any folder of an upload; it speaks for that folder and everything below, the nearest one wins."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".tbz2", ".txz")
"""The longer ones first: the first that fits is the whole suffix."""

PRELABEL_TAG = "prelabel"
"""Image tag: a model drew the labels and nobody has looked at them yet. Its value names the model."""
NOTHING_FOUND_TAG = "nothing-found"
"""Image tag beside it: the model found no defect."""

LabelFormat = Literal[
    "supervisely",
    "machine-masks",
    "coco",
    "lookout",
    "labelme",
    "via",
    "voc",
    "bbox-label-tool",
    "yolo",
    "instance-masks",
    "semantic-masks",
    "folders",
]
LABEL_FORMATS: tuple[LabelFormat, ...] = typing.get_args(LabelFormat)

ExportFormat = Literal["coco", "supervisely", "masks", "tfrecord"]
"""What a version can be checked out as."""
EXPORT_FORMATS: tuple[ExportFormat, ...] = typing.get_args(ExportFormat)


def is_archive(name: str) -> bool:
    """Whether an upload of this name is unpacked."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


@dataclasses.dataclass(frozen=True)
class UploadNote:
    """Example: `{"format": "semantic-masks", "classes": {"1": "chipping", "2": "holes"}}`."""

    format: LabelFormat | None = None
    """Read it as this and nothing else; None recognises the format by content."""
    class_name: str = ""
    """The class of every object whose label names none."""
    classes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Number -> class, for labels that only carry numbers (YOLO, PNG masks)."""
    split: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """train, val or test -> images by path below this file's folder or by file name; wins over folders and tags."""
    aliases: dict[str, str] = dataclasses.field(default_factory=dict)
    """Class name in the labels -> the class it stands for: a misspelt name, another language, classes to merge."""
    remove: tuple[str, ...] = ()
    """Images that leave the data set: each by file name, path below its data set, hash or 8 digits of it and more."""
