"""What exporters get: the members of a version one by one, under names that are unique in the whole export."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from app.contracts.dataset import ClassDefinition, LabelRecord, Member, Rle, Split

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


def names_of(members: Iterable[Member]) -> dict[str, str]:
    """Image hash -> file name; the original one, with a piece of the hash where two images have the same."""
    parts = {m.image_sha256: (PurePosixPath(m.file_name).stem, m.image_extension) for m in members}
    count = collections.Counter(stem.lower() for stem, _ in parts.values())
    return {
        sha: f"{stem}-{sha[:_NAME_DIGITS]}.{extension}" if count[stem.lower()] > 1 else f"{stem}.{extension}"
        for sha, (stem, extension) in parts.items()
    }


def items_of(
    members: Iterable[Member], names: Mapping[str, str], load: Callable[[Member], tuple[LabelRecord, bytes]]
) -> Iterator[Item]:
    """Load members one by one, by name."""
    for member in sorted(members, key=lambda member: names[member.image_sha256]):
        yield Item(member, names[member.image_sha256], *load(member))


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The [height, width] mask of an instance."""
    return np.asarray(coco_mask.decode({"size": list(rle.size), "counts": rle.counts})).astype(bool)


def put(path: Path, body: bytes) -> None:
    """Write a file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
