"""castline.json: what an uploader may say about an upload, beside its files, where its labels do not say it."""

from __future__ import annotations

import dataclasses
import typing
from typing import Literal

NOTE_NAME = "castline.json"
"""In any folder of an upload; it speaks for that folder and everything below, the nearest one wins."""

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


@dataclasses.dataclass(frozen=True)
class UploadNote:
    """Example: `{"format": "semantic-masks", "classes": {"1": "chipping", "2": "holes"}}`."""

    format: LabelFormat | None = None
    """Read it as this and nothing else; None recognises the format by content."""
    class_name: str = ""
    """The class of every object whose label names none."""
    classes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Number -> class, for labels that only carry numbers (YOLO, PNG masks)."""
