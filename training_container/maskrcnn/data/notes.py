"""castline.json in the uploads: read once, before any label is."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

from app.contracts import documents
from app.contracts.documents import ContractError
from app.contracts.uploads import NOTE_NAME, UploadNote
from maskrcnn.data import findings, split_lists
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, below, join, parent


def with_notes(tree: UploadTree) -> tuple[UploadTree, list[Rejected]]:
    """Take the notes out of the tree's files.

    Returns:
        The tree that knows its notes, and whatever lies below an unreadable one: what was meant there is unknown.
    """
    notes: dict[str, UploadNote] = {}
    rejected: list[Rejected] = []
    for path in [p for p in tree.paths if PurePosixPath(p).name == NOTE_NAME]:
        try:
            note = documents.from_json(UploadNote, tree.read(path))
            split_lists.check(note)
            notes[parent(path)] = note
        except (ContractError, UnicodeDecodeError) as problem:
            fix = f'{problem}; for example {{"format": "coco"}}. What lies below was not read'
            files = tuple(below(tree.paths, parent(path)))
            rejected.append(Rejected(findings.error(path, "note", "note-invalid", fix), files))
    out = {file for item in rejected for file in item.files} | {join(folder, NOTE_NAME) for folder in notes}
    return dataclasses.replace(tree.without(out), notes=notes), rejected
