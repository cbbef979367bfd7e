"""Which data sets lie in the uploads: told by castline.json, else recognised by content."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from app.contracts.uploads import NOTE_NAME
from maskrcnn.data import findings
from maskrcnn.data.samples import DataSet, Importer, Rejected
from maskrcnn.data.tree import UploadTree, join


@dataclasses.dataclass(frozen=True)
class Recognised:
    """One data set and who reads it.

    Attributes:
        importer: Who.
        data_set: What.
        told: A castline.json names the format.
    """

    importer: Importer
    data_set: DataSet
    told: bool = False


def recognise(
    tree: UploadTree, importers: Sequence[Importer], by_name: Sequence[Importer] = ()
) -> tuple[list[Recognised], list[Rejected]]:
    """Find every data set once: a file belongs to the first importer that takes it for its label.

    Args:
        tree: The uploads, with their notes.
        importers: The formats, in the order in which they are asked.
        by_name: Formats that only a note can choose here.

    Returns:
        The data sets, and the notes that name a format which nothing below them has.
    """
    found: list[Recognised] = []
    rejected: list[Rejected] = []
    named = {importer.name: importer for importer in (*importers, *by_name)}
    rest = tree
    for folder in sorted(tree.notes, key=lambda folder: (-folder.count("/"), folder == "", folder)):
        wanted = tree.notes[folder].format
        if wanted is None:
            continue
        part = rest.below(folder)
        told = [Recognised(named[wanted], data_set, told=True) for data_set in named[wanted].find(part)]
        if part.paths and not told:
            rejected.append(_not_found(join(folder, NOTE_NAME), wanted))
        found += told
        rest = rest.without(frozenset(part.paths))
    for importer in importers:
        data_sets = importer.find(rest)
        found += (Recognised(importer, data_set) for data_set in data_sets)
        rest = rest.without(claimed_by(rest, data_sets))
    return found, rejected


def claimed_by(tree: UploadTree, data_sets: Iterable[DataSet]) -> frozenset[str]:
    """The files that data sets claim before they are read; their photographs are not among them."""
    claimed: set[str] = set()
    for data_set in data_sets:
        claimed.update(data_set.files, data_set.belongings)
        claimed.update(p for folder in data_set.pictures_to_ignore for p in tree.folders.get(folder, ()))
    return frozenset(claimed)


def _not_found(note: str, wanted: str) -> Rejected:
    message = f"says format {wanted}, but no file below it is that: correct the format, or delete the note"
    return Rejected(findings.error(note, "note", "format-not-found", message), (note,))
