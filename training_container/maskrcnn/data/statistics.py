"""How often and how large classes are: tallied shard by shard, and added up for a version; pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from app.contracts.dataset import ClassDefinition, ClassStatistics, ClassTally, LabelRecord, ShardSummary, Split

_DIGITS = 3


class Tally:
    """Counts label records one by one; its size is bound by the number of classes, not of images."""

    def __init__(self) -> None:
        self._instances: Counter[str] = Counter()
        self._images: Counter[str] = Counter()
        self._areas: dict[str, Counter[str]] = defaultdict(Counter)
        self._sides: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, record: LabelRecord) -> None:
        """Count one image."""
        for instance in record.instances:
            self._instances[instance.class_name] += 1
            self._areas[instance.class_name][rounded(instance.area_px)] += 1
            self._sides[instance.class_name][rounded(max(instance.bbox[2:]))] += 1
        self._images.update({instance.class_name for instance in record.instances})

    def result(self) -> dict[str, ClassTally]:
        """Class name -> its tally."""
        return {
            name: ClassTally(count, self._images[name], dict(self._areas[name]), dict(self._sides[name]))
            for name, count in self._instances.items()
        }


def rounded(value: float) -> str:
    """A number of pixels to three digits, as text: exact below 1000, within 0.5 % above."""
    unit = 10 ** max(math.floor(math.log10(value)) + 1 - _DIGITS, 0) if value >= 1 else 1
    return str(round(value / unit) * unit)


def add_up(
    classes: Iterable[ClassDefinition], summaries: Iterable[tuple[Split, ShardSummary]]
) -> tuple[ClassStatistics, ...]:
    """The statistics of a version.

    Args:
        classes: Its classes.
        summaries: Its shards, each with the split it belongs to.

    Returns:
        One entry a class, in the order of `classes`.
    """
    instances: dict[str, Counter[str]] = defaultdict(Counter)
    images: dict[str, Counter[str]] = defaultdict(Counter)
    areas: dict[str, Counter[str]] = defaultdict(Counter)
    sides: dict[str, Counter[str]] = defaultdict(Counter)
    for split, summary in summaries:
        for name, tally in summary.classes.items():
            instances[name][split] += tally.instances
            images[name][split] += tally.images
            areas[name].update(tally.areas_px)
            sides[name].update(tally.longer_sides_px)
    return tuple(
        ClassStatistics(
            c.name, dict(instances[c.name]), dict(images[c.name]), median(areas[c.name]), median(sides[c.name])
        )
        for c in classes
    )


def median(counts: Mapping[str, int]) -> float:
    """The median of values that are given as text -> how often; 0 of none."""
    total = sum(counts.values())
    seen, middle = 0, []
    for value, count in sorted((float(text), count) for text, count in counts.items()):
        middle += [value] * sum(seen <= position < seen + count for position in {(total - 1) // 2, total // 2})
        seen += count
    return sum(middle) / len(middle) if middle else 0.0
