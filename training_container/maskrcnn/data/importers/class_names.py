"""Number -> class name, for labels that only carry numbers: castline.json, data.yaml, classes.txt, obj.names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml  # type: ignore[import-untyped]

from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.parsing import text_of
from maskrcnn.data.tree import UploadTree, join, parent

_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LIST_NAMES = ("classes.txt", "class.txt", "class_names.txt", "obj.names", "classes.names", "labels.txt")


def file_above(tree: UploadTree, folder: str) -> str | None:
    """The nearest list of classes at or above a folder; a YAML wins over a plain list beside it."""
    while True:
        for name in (*_YAML_NAMES, *_LIST_NAMES):
            if join(folder, name) in tree:
                return join(folder, name)
        if not folder:
            return None
        folder = parent(folder)


def is_class_list(path: str) -> bool:
    """True for the usual names of such a file, so that nobody takes it for a label."""
    return PurePosixPath(path).name in _YAML_NAMES + _LIST_NAMES


def names_for(tree: UploadTree, folder: str) -> Mapping[int, str]:
    """The classes that hold in a folder; empty when nobody says.

    Raises:
        BadItemError: the file that says them is broken.
    """
    note = tree.note(folder).classes
    path = file_above(tree, folder)
    try:
        if note:
            return {int(number): name for number, name in note.items()}
        if path is None:
            return {}
        text = text_of(tree, path)
        return _of_yaml(text) if PurePosixPath(path).name in _YAML_NAMES else _of_lines(text)
    except (ValueError, TypeError, AttributeError) as problem:
        where = "castline.json" if note else path
        message = f"needs the classes of {where}, which are broken ({problem}): write them as number and name"
        raise BadItemError("classes-unreadable", "annotation", message) from problem


def _of_lines(text: str) -> dict[int, str]:
    """One name a line, counted from 0; empty lines at the end count for nothing."""
    return {number: line.strip() for number, line in enumerate(text.rstrip().splitlines()) if line.strip()}


def _of_yaml(text: str) -> dict[int, str]:
    """The `names` of YOLO's data.yaml: a list, or a mapping from number to name."""
    try:
        names: Any = yaml.safe_load(text)["names"]
    except (yaml.YAMLError, KeyError) as problem:
        raise ValueError(f"no names in it: {problem}") from problem
    pairs = names.items() if isinstance(names, dict) else enumerate(names)
    return {int(number): str(name) for number, name in pairs}
