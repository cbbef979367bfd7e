"""Turn whatever a malformed label raises while it is read into the finding that says where and what to do."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from maskrcnn.data import findings
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, parent

MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError)
"""What indexing, converting and unpacking of parsed but unexpected content can raise."""


@contextlib.contextmanager
def reading_object(number: int) -> Iterator[None]:
    """Say which object it is, counted from 1.

    Raises:
        BadItemError: the object is broken or not supported.
    """
    name = f"object {number}"
    try:
        yield
    except BadItemError as bad:
        raise BadItemError(bad.rule, name, f"{name} {bad.message}") from bad
    except MALFORMED as problem:
        message = f"{name} is broken ({type(problem).__name__}: {problem}): export the annotation again"
        raise BadItemError("annotation-unreadable", name, message) from problem


@contextlib.contextmanager
def reading_file(path: str) -> Iterator[None]:
    """Say which annotation it is.

    Raises:
        BadItemError: the annotation is broken.
    """
    try:
        yield
    except MALFORMED as problem:
        message = f"its annotation {path} is broken ({type(problem).__name__}: {problem}): export it again"
        raise BadItemError("annotation-unreadable", "annotation", message) from problem


def rejected(file: str, rule: str, message: str, *others: str) -> Rejected:
    """An annotation file, or an image, that cannot be used, with the files that go to quarantine beside it."""
    return Rejected(findings.error(file, "annotation", rule, message), (file, *others))


def class_missing(note: str = '{"class_name": "chipping"}') -> BadItemError:
    """An object whose label names no class, where no castline.json does either."""
    return BadItemError("class-missing", "", f"has no class: name it in the label, or add a castline.json: {note}")


def json_of(tree: UploadTree, path: str) -> Any:
    """The parsed file, or None when it is no JSON: the question is only whether it is of a format."""
    try:
        return json.loads(tree.read(path))
    except (ValueError, RecursionError):
        return None


def by_folder(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Files that lie together, in order: one data set each."""
    return [tuple(group) for _, group in itertools.groupby(sorted(paths, key=lambda p: (parent(p), p)), key=parent)]


def text_of(tree: UploadTree, path: str) -> str:
    """The text of a label file.

    Raises:
        UnicodeDecodeError: it is no text.
    """
    return tree.read(path).decode("utf-8-sig")
