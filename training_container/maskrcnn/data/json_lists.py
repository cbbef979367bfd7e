"""Reads the lists of a large JSON document entry by entry: a COCO file of a million images does not fit into memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

_CHUNK = 1 << 20
_SPACE = " \t\n\r"
_ENDS = (*_SPACE, ",", "]", "}", ":")
"""What may follow a value; nothing at all may, too, where the text ends."""


def lists(file: Path, names: Collection[str]) -> Iterator[tuple[str, Iterator[Any]]]:
    """The lists that an object has under some names, in the order of the file: each name with its entries.

    Args:
        file: One JSON object.
        names: The lists to read; everything else is passed over. What is left of one list when the next is asked for
            is passed over too.

    Raises:
        json.JSONDecodeError: the file is no JSON; the place is that in the file.
        TypeError: it is no object, or has something else than a list under one of the names.
    """
    with file.open("rb") as start:
        encoding = json.detect_encoding(start.read(4))
    with file.open(encoding=encoding, errors="surrogatepass", newline="") as stream:
        yield from _of_object(_Window(stream, file), names)


def _of_object(window: _Window, names: Collection[str]) -> Iterator[tuple[str, Iterator[Any]]]:
    if window.peek() != "{":
        raise TypeError(f"begins with {window.peek()!r} instead of an object")
    for _ in window.items("{", "}"):
        name = window.value() if window.peek() == '"' else window.fail("Expecting property name")
        window.take(":")
        if name not in names:
            window.value()
            continue
        if window.peek() != "[":
            raise TypeError(f"{name} is no list")
        entries = (window.value() for _ in window.items("[", "]"))
        yield name, entries
        deque(entries, maxlen=0)
    if window.peek():
        window.fail("Extra data")


class _Window:
    """The part of a text that is being read; grows until it holds a whole value.

    Args:
        stream: The text.
        file: The same, to look for the place of an error.
    """

    def __init__(self, stream: IO[str], file: Path) -> None:
        self._text, self._at = "", 0
        self._stream, self._file, self._decoder = stream, file, json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, mark: str) -> None:
        """Go past a mark that must be next."""
        if self.peek() != mark:
            self.fail(f"Expecting {mark!r}")
        self._at += 1

    def items(self, first: str, last: str) -> Iterator[None]:
        """Stop at each item between two brackets; whoever iterates reads the item."""
        self.take(first)
        if self.peek() != last:
            yield
            while self.peek() == ",":
                self._at += 1
                yield
        self.take(last)

    def value(self) -> Any:
        """Read one value."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as problem:
                if not self._more():
                    self.fail(problem.msg)
                continue
            if self._text[end : end + 1] not in _ENDS and self._more():  # a number goes on
                continue
            self._at = end
            return found

    def fail(self, message: str) -> NoReturn:
        """Refuse the file in the words of json, which counts lines and columns from the beginning."""
        json.loads(self._file.read_bytes())
        raise json.JSONDecodeError(message, self._text, self._at)

    def _more(self) -> bool:
        """Read on, twice as far each time a value does not end; False at the end of the text."""
        piece = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)
