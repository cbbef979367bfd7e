"""What labels say, added up one image at a time."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord, Member
from app.contracts.portrait import ClassPortrait
from maskrcnn.data.portrait import distributions
from maskrcnn.data.portrait.distributions import Bins, Values
from maskrcnn.data.portrait.sampling import Lowest, draw

SMALL_AREA_PX, LARGE_AREA_PX = 32**2, 96**2
"""COCO's limits of small and large objects."""
EXTREMES, MIDDLES = 3, 400
ALL_BOXES = 10_000
_DISTINCT = 1000
K = TypeVar("K", bound=Hashable)

Row = tuple[float, float, float, float, float, float]
"""x, y, width, height of a box, width and height of its image; pixels of the photograph."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """One object that may be shown as an example."""

    member: Member
    index: int
    """Place in the label record."""
    class_name: str
    bbox: tuple[float, float, float, float]
    area_px: int


class ClassTally:
    """The objects of one class."""

    def __init__(self, definition: ClassDefinition) -> None:
        self.definition = definition
        self.instances: Counter[str] = Counter()
        self.images: Counter[str] = Counter()
        self.boxes_only = self.crowds = 0
        self.by_size = [0, 0, 0]
        self.areas = Values(distributions.SIZE_EDGES)
        self.roots = Bins(distributions.SIZE_EDGES)
        self.sides = Values(distributions.SIZE_EDGES)
        self.aspects = Values(distributions.ASPECT_EDGES)
        self.boxes: Lowest[Row] = Lowest(distributions.SAMPLE)
        self.smallest: Lowest[Shown] = Lowest(EXTREMES)
        self.largest: Lowest[Shown] = Lowest(EXTREMES)
        self.some: Lowest[Shown] = Lowest(MIDDLES)

    def add(self, member: Member, index: int, instance: LabelInstance, row: Row) -> None:
        """Count one object; a crowd stands for many, so it says nothing about sizes."""
        self.instances[member.split] += 1
        self.boxes_only += instance.mask is None
        self.crowds += instance.is_crowd
        if instance.is_crowd:
            return
        key = draw(member.image_sha256, index)
        _, _, width, height = instance.bbox
        self.by_size[(instance.area_px >= SMALL_AREA_PX) + (instance.area_px >= LARGE_AREA_PX)] += 1
        self.roots.add(math.sqrt(instance.area_px))
        self.areas.add(key, float(instance.area_px))
        self.sides.add(key, max(width, height))
        self.aspects.add(key, height / width)
        self.boxes.add(key, row)
        shown = Shown(member, index, instance.class_name, instance.bbox, instance.area_px)
        self.smallest.add((instance.area_px, key), shown)
        self.largest.add((-instance.area_px, key), shown)
        self.some.add(key, shown)

    def result(self) -> ClassPortrait:
        """The numbers."""
        small, medium, large = self.by_size
        return ClassPortrait(
            self.definition.name, self.definition.role, dict(self.instances), dict(self.images), self.boxes_only,
            self.crowds, small, medium, large, self.areas.spread(), self.sides.spread(), self.aspects.spread(),
            self.roots.result(), self.sides.bins.result(), self.aspects.bins.result(),
        )

    def examples(self, each: int) -> list[tuple[str, Shown]]:
        """(`largest`, `median` or `smallest`, object), at most `each` of a kind, no object twice; `only` of one."""
        if len(self.some.items()) == 1:
            return [("only", self.some.items()[0])]
        ordered = sorted(self.some.items(), key=lambda s: s.area_px)
        middle = (len(ordered) - each) // 2
        medians = ordered[max(middle, 0) : max(middle, 0) + each]
        kinds = (("largest", self.largest.items()), ("median", medians), ("smallest", self.smallest.items()))
        taken: set[tuple[str, int]] = set()
        chosen: list[tuple[str, Shown]] = []
        for kind, candidates in kinds:
            fresh = [s for s in candidates if (s.member.image_sha256, s.index) not in taken][:each]
            taken.update((s.member.image_sha256, s.index) for s in fresh)
            chosen += ((kind, s) for s in fresh)
        return chosen


class LabelTally:
    """All classes, and what they have to do with each other."""

    def __init__(self, classes: Sequence[ClassDefinition]) -> None:
        ordered = sorted(classes, key=lambda c: c.id)
        self.classes = {c.name: ClassTally(c) for c in ordered}
        self.boxes: Lowest[Row] = Lowest(ALL_BOXES)
        self.images: Counter[str] = Counter()
        self.without_defect: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.tags: Counter[str] = Counter()
        self.objects = Bins(distributions.COUNT_EDGES)
        self._places = {c.name: place for place, c in enumerate(ordered)}
        self._together = np.zeros((len(ordered), len(ordered)), np.int64)

    def add(self, member: Member, record: LabelRecord) -> None:
        """Count one image."""
        self.images[member.split] += 1
        self.sizes[_or_other((record.width, record.height), self.sizes, (0, 0))] += 1
        self.objects.add(len(record.instances))
        for tag in record.tags:
            self.tags[_or_other(tag, self.tags, "other tags")] += 1
        for index, instance in enumerate(record.instances):
            row = (*instance.bbox, float(record.width), float(record.height))
            self.classes[instance.class_name].add(member, index, instance, row)
            if not instance.is_crowd:
                self.boxes.add(draw(member.image_sha256, index), row)
        seen = sorted({instance.class_name for instance in record.instances}, key=self._places.__getitem__)
        for name in seen:
            self.classes[name].images[member.split] += 1
        for one, other in itertools.product(seen, seen):
            self._together[self._places[one], self._places[other]] += 1
        self.without_defect[member.split] += all(self.classes[n].definition.role == "part" for n in seen)

    @property
    def together(self) -> tuple[tuple[int, ...], ...]:
        """Images that show class i and class j."""
        return tuple(tuple(map(int, row)) for row in self._together)


def _or_other(key: K, known: Counter[K], other: K) -> K:
    """The key, or `other` where there are too many different ones to count each."""
    return key if key in known or len(known) < _DISTINCT else other
