"""The members of a data-set version as a stream: one a line, sorted by image hash, packed; nobody holds them all.

A version of a million images has members of some 100 MB. Whoever reads them takes one at a time: the container by
maskrcnn.data.members, the command line by app.client.versions, both through this module.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from typing import IO, Protocol, TypeVar

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, Member


class _OfAnImage(Protocol):
    @property
    def image_sha256(self) -> str:
        """What the stream is sorted by."""


I = TypeVar("I", bound=_OfAnImage)  # noqa: E741 - an item about an image
COMPRESSION_LEVEL = 1
"""Members are mostly hashes: level 6 takes 7 % less room and twice the time."""
VERSION_DIGITS = 16


def write(members: Iterable[_OfAnImage], target: IO[bytes]) -> None:
    """Write members, or what changed about them; the same ones give the same bytes.

    Args:
        members: Strictly ascending by image hash.
        target: Opened for writing; gets gzip-packed JSON lines.

    Raises:
        ValueError: a member does not follow the one before it.
    """
    with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, target, mtime=0) as packed:
        for member in in_order(members):
            packed.write(documents.to_json(member).encode() + b"\n")


def read(source: IO[bytes]) -> Iterator[Member]:
    """Read the members that `write` wrote, one at a time; see read_as."""
    yield from read_as(Member, source)


def read_as(kind: type[I], source: IO[bytes]) -> Iterator[I]:
    """Read what `write` wrote, one item at a time.

    Raises:
        documents.ContractError: a line is no `kind`.
        OSError, EOFError: the stream is damaged or cut off.
    """
    with gzip.GzipFile(fileobj=source, mode="rb") as packed:
        for line in packed:
            yield documents.from_json(kind, line)


def in_order(members: Iterable[I]) -> Iterator[I]:
    """Pass members on.

    Raises:
        ValueError: one does not follow the one before it by image hash.
    """
    before = ""
    for member in members:
        if member.image_sha256 <= before:
            raise ValueError(f"member {member.image_sha256} follows {before}: write members sorted by image hash")
        before = member.image_sha256
        yield member


def version_id(
    members: Iterable[Member], classes: Iterable[ClassDefinition], former: Iterable[Member] = ()
) -> str:
    """Name of a version: a hash of its images, labels, split and classes, whatever else is known of them.

    Args:
        members: Strictly ascending by image hash.
        classes: In any order.
        former: The images whose split it remembers, ascending likewise. They belong to the name: a version that
            remembers a removed test image must never be taken for the one before that image came.

    Raises:
        ValueError: the members are not sorted.
    """
    digest = hashlib.sha256()
    for member in in_order(members):
        digest.update(f"{member.image_sha256} {member.label_sha256} {member.split}\n".encode())
    for member in in_order(former):
        digest.update(f"former {member.image_sha256} {member.split}\n".encode())
    digest.update(documents.to_json(sorted([c.id, c.name, c.role] for c in classes)).encode())
    return digest.hexdigest()[:VERSION_DIGITS]
