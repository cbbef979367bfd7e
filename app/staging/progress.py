"""How staging tells how far it is, without knowing of terminals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

OnBytes = Callable[[int], None]
"""Told how many more bytes are done; negative when some that were counted are thrown away."""

Track = Callable[[str, int | None], AbstractContextManager[OnBytes]]
"""Opens one piece of work: what it is, and of how many bytes (None: not known)."""


@contextlib.contextmanager
def silent(_what: str, _total_bytes: int | None) -> Iterator[OnBytes]:
    """Tell nobody."""
    yield lambda _: None
