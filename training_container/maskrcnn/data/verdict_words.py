"""The words by which people say that a casting is good or bad: in names of folders and files, and in tags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

Verdict = Literal["ok", "bad"]

_OK = r"(ok|good|normal|pass(ed)?|io|gut|defect[-_ ]?free|non[-_ ]?defective)"
_BAD = (
    r"(def(ects?|ective)?|ng|nok|nio|bad|anomal(y|ies|ous)|abnormal|fail(ed|ure)?|faulty|scrap|not[-_ ]?ok)"
)
_OK_WORD = re.compile(_OK, re.IGNORECASE)
_BAD_WORD = re.compile(_BAD, re.IGNORECASE)
_OK_FOLDER = re.compile(rf"{_OK}([-_ ].*)?", re.IGNORECASE)
_BAD_FOLDER = re.compile(rf"{_BAD}([-_ ].*)?", re.IGNORECASE)
_FREE = re.compile(r"defect[-_ ]?free.*", re.IGNORECASE)


def of_folder(folder: str) -> Verdict | None:
    """What the name of a folder says: `ok`, `good_front`, `def`, `not-ok`; None when nothing."""
    name = PurePosixPath(folder).name
    if _FREE.fullmatch(name):
        return "ok"
    if _BAD_FOLDER.fullmatch(name):
        return "bad"
    return "ok" if _OK_FOLDER.fullmatch(name) else None


def of_file(path: str) -> Verdict | None:
    """What one of the words of a file's name says: `cast_ok_0_37.jpeg`; None when nothing, or both."""
    words = re.split(r"[-_. ]+", PurePosixPath(path).stem)
    said: set[Verdict] = {"bad" for word in words if _BAD_WORD.fullmatch(word)}
    said |= {"ok" for word in words if _OK_WORD.fullmatch(word)}
    return said.pop() if len(said) == 1 else None


def of_tags(tags: Iterable[str]) -> Verdict | None:
    """What the tags say, `good` or `quality=bad`; None when nothing, or both."""
    values = [tag.rpartition("=")[2] for tag in tags]
    said: set[Verdict] = {"bad" for value in values if _BAD_WORD.fullmatch(value)}
    said |= {"ok" for value in values if _OK_WORD.fullmatch(value)}
    return said.pop() if len(said) == 1 else None
