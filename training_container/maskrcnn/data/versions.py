"""What makes a data-set version: its classes, labels and parts; pure."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, LabelRecord


def label_bytes(record: LabelRecord) -> bytes:
    """The canonical bytes of a label record."""
    return documents.to_json(record).encode()


def meaning(record: LabelRecord) -> str:
    """Hash of what a label says about its image: the same whatever file or format said it."""
    bare = dataclasses.replace(record, file_name="", source_format="")
    return hashlib.sha256(label_bytes(bare)).hexdigest()


def class_map(
    parent: Sequence[ClassDefinition], names: Iterable[str], part_classes: Iterable[str]
) -> tuple[ClassDefinition, ...]:
    """The parent's classes with their ids, new names appended in sorted order; roles as set now."""
    known = [c.name for c in sorted(parent, key=lambda c: c.id)]
    ordered = known + sorted(set(names) - set(known))
    parts = set(part_classes)
    return tuple(ClassDefinition(i, name, "part" if name in parts else "defect") for i, name in enumerate(ordered, 1))


def group_of(file_name: str, pattern: str, image_sha256: str) -> str:
    """The part a photograph shows: the pattern's first group, else the photograph is its own part."""
    match = re.search(pattern, PurePosixPath(file_name).name) if pattern else None
    return match[1] if match and match[1] else image_sha256
