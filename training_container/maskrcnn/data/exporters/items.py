"""What exporters get: the members of a version one by one, under names that are unique in the whole export."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from app.contracts.dataset import ClassDefinition, LabelRecord, Member, Rle, Split
from maskrcnn.data.ledger import Ledger, Table

_NAME_DIGITS = 8


@dataclasses.dataclass(frozen=True)
class Item:
    """One image of a version.

    Attributes:
        member: The entry of the manifest.
        name: File name of the image in the export, unique without its suffix.
        record: Its label.
        body: Its bytes.
        scores: How sure a model is of each instance; empty for labels that people drew.
    """

    member: Member
    name: str
    record: LabelRecord
    body: bytes
    scores: tuple[float, ...] = ()

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem


class Exporter(Protocol):
    """One output format."""

    name: str

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """Write all members; the items of a split are loaded one by one while they are iterated.

        Raises:
            JobError: CONFIG_INVALID: the format cannot say what the version holds.
        """


def names_of(members: Iterable[Member]) -> Mapping[str, str]:
    """Image hash -> file name; the original one, with a piece of the hash where two images have the same.

    The names lie on the disk: there may be millions.
    """
    ledger = Ledger()
    parts: Table[tuple[str, str]] = ledger.table()
    bearers: Table[int] = ledger.table()
    for member in members:
        if member.image_sha256 not in parts:
            stem = PurePosixPath(member.file_name).stem
            parts[member.image_sha256] = stem, member.image_extension
            bearers[stem.lower()] = bearers.get(stem.lower(), 0) + 1
    names: Table[str] = ledger.table()
    for sha, (stem, extension) in parts.items():
        names[sha] = f"{stem}-{sha[:_NAME_DIGITS]}.{extension}" if bearers[stem.lower()] > 1 else f"{stem}.{extension}"
    return names


def items_of(
    members: Iterable[Member], names: Mapping[str, str], load: Callable[[Member], tuple[LabelRecord, bytes]]
) -> Iterator[Item]:
    """Load members one by one, by name."""
    by_name: Table[Member] = Ledger().table()
    by_name.update((names[member.image_sha256], member) for member in members)
    for name, member in by_name.by_key():
        yield Item(member, name, *load(member))


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The [height, width] mask of an instance."""
    return np.asarray(coco_mask.decode({"size": list(rle.size), "counts": rle.counts})).astype(bool)


def put(path: Path, body: bytes) -> None:
    """Write a file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
