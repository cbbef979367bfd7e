"""Words by which people say train, val and test: in folder names, annotation-file names and image tags."""

from __future__ import annotations

import re

from app.contracts.dataset import Split

_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_WORD = "|".join(_SPLITS)
_FOLDER = re.compile(rf"({_WORD})[-_]?\d{{0,4}}", re.IGNORECASE)
_FILE = re.compile(
    rf"(?:(?:instances|annotations?|labels?|coco)[-_.])?({_WORD})[-_]?\d{{0,4}}"
    r"(?:[-_.](?:instances|annotations?|labels?|coco))?",
    re.IGNORECASE,
)


def of_folder(name: str) -> Split | None:
    """`train`, `val2017`, `test_1`; None for any other name, so `test bench 3` says nothing."""
    return _of(_FOLDER, name)


def of_file(stem: str) -> Split | None:
    """`instances_train2017`, `val`, `test.coco` (a file name without its last suffix)."""
    return _of(_FILE, stem)


def of_tag(tag: str) -> Split | None:
    """`train`, `val` or `test`, in any case."""
    return _SPLITS.get(tag.lower())


def _of(pattern: re.Pattern[str], text: str) -> Split | None:
    match = pattern.fullmatch(text)
    return _SPLITS[match[1].lower()] if match else None
