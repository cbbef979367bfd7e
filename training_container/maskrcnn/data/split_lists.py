"""Explicit splits: castline.json may list which images train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from app.contracts.dataset import Finding, Split
from app.contracts.documents import ContractError
from app.contracts.uploads import NOTE_NAME, UploadNote
from maskrcnn.data import findings
from maskrcnn.data.tree import join, parent

_SPLITS: tuple[Split, ...] = get_args(Split)


class SplitLists:
    """The lists of all notes; the nearest note that lists an image speaks for it, before its folder or tag does.

    Args:
        notes: Folder -> what its castline.json says, checked by `check`.
    """

    def __init__(self, notes: Mapping[str, UploadNote]) -> None:
        self._lists: dict[str, dict[str, Split]] = {
            folder: {name: split for split in _SPLITS for name in note.split.get(split, ())}
            for folder, note in notes.items() if note.split
        }
        self._used: set[tuple[str, str]] = set()

    def split_of(self, image: str) -> Split | None:
        """What the lists say about an image.

        Args:
            image: Its path below the inbox; listed by its path below the note's folder or by its file name alone.
        """
        folder = parent(image) if self._lists else ""
        while self._lists:
            named = self._lists.get(folder, {})
            below = image.removeprefix(f"{folder}/") if folder else image
            for name in (below, image.rpartition("/")[2]):
                if name in named:
                    self._used.add((folder, name))
                    return named[name]
            if not folder:
                break
            folder = parent(folder)
        return None

    def unused(self) -> list[Finding]:
        """A warning for each listed name that no image has."""
        unknown = ((folder, name) for folder, named in self._lists.items() for name in named)
        return [
            findings.warning(join(folder, NOTE_NAME), name, "split-unknown",
                             f"lists {name} for {self._lists[folder][name]}, but no image below is called so: give its "
                             "path below this file, or its file name")
            for folder, name in sorted(unknown) if (folder, name) not in self._used
        ]


def check(note: UploadNote) -> None:
    """Refuse lists that cannot be meant.

    Raises:
        ContractError: a split is unknown, or an image is listed under two.
    """
    seen: dict[str, str] = {}
    for split, names in sorted(note.split.items()):
        if split not in _SPLITS:
            raise ContractError(f"UploadNote.split: {split!r} is not one of {', '.join(_SPLITS)}")
        for name in names:
            if seen.setdefault(name, split) != split:
                raise ContractError(f"UploadNote.split: {name} is listed under {seen[name]} and {split}: keep one")
