"""What makes a data-set version: its classes, parts and statistics; pure."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, ClassStatistics, LabelRecord, Split


def label_bytes(record: LabelRecord) -> bytes:
    """The canonical bytes of a label record."""
    return documents.to_json(record).encode()


def same_label(one: LabelRecord, other: LabelRecord) -> bool:
    """True when both say the same about the image, whatever file or format said it."""
    return (one.instances, one.tags, one.width, one.height) == (
        other.instances,
        other.tags,
        other.width,
        other.height,
    )


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


class StatisticsCollector:
    """Adds up label records one by one, so that they need not be in memory together."""

    def __init__(self) -> None:
        self._instances: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._images: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._areas: dict[str, list[int]] = defaultdict(list)
        self._sides: dict[str, list[float]] = defaultdict(list)

    def add(self, record: LabelRecord, split: Split) -> None:
        """Count one image."""
        for instance in record.instances:
            self._instances[instance.class_name][split] += 1
            self._areas[instance.class_name].append(instance.area_px)
            self._sides[instance.class_name].append(max(instance.bbox[2:]))
        for name in {instance.class_name for instance in record.instances}:
            self._images[name][split] += 1

    def result(self, classes: Iterable[ClassDefinition]) -> tuple[ClassStatistics, ...]:
        """One entry a class, in the order of ids."""
        return tuple(
            ClassStatistics(
                c.name,
                dict(self._instances[c.name]),
                dict(self._images[c.name]),
                float(statistics.median(self._areas[c.name] or [0])),
                float(statistics.median(self._sides[c.name] or [0])),
            )
            for c in classes
        )
