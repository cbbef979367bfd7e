"""The amendments reach into ministack's private parts; these helpers say so when the parts have moved."""

from __future__ import annotations

import importlib.metadata
from typing import Any

PINNED = "1.5.33"


class PinError(Exception):
    """ministack is not the version that the embedded AWS was written for."""


def part(owner: Any, name: str) -> Any:
    """Return a private part of ministack that an amendment hooks into.

    Args:
        owner: A module or class of ministack.
        name: The attribute.

    Raises:
        PinError: it does not exist.
    """
    check(hasattr(owner, name), f"{getattr(owner, '__name__', owner)}.{name} does not exist")
    return getattr(owner, name)


def check(ok: bool, what: str) -> None:
    """Raise PinError with what is wrong, what is installed and what is needed, unless `ok`."""
    if not ok:
        installed = importlib.metadata.version("ministack")
        raise PinError(
            f"ministack {installed}: {what}; the embedded AWS hooks into it: install ministack=={PINNED}"
        )
